"""How many loader workers the shared memory has room for."""

import shutil

from experiments.data import shared_memory
from experiments.recipes.load import load


def test_too_little_shared_memory_is_reported_before_a_worker_dies(monkeypatch, capsys):
    data = load("coco", "fcos", ["data.workers=4"], 3).data
    assert shared_memory.batch_bytes(data, 16) == 16 * 3 * 800 * 1344
    usage = shutil.disk_usage("/")
    for free, workers in ((2**40, 4), (64 * 2**20, 0), (6 * shared_memory.batch_bytes(data, 16), 2)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert shared_memory.fitting_workers(data, 16) == workers
        assert ("loader workers need 443 MiB" in capsys.readouterr().err) == (workers < 4)

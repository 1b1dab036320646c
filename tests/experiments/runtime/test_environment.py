"""What a run ran on: plain values, and nothing left out."""

from experiments.records.files import read_json, write_json
from experiments.runtime.environment import environment


def test_environment_is_plain_and_complete(tmp_path):
    values = environment()
    write_json(tmp_path / "e.json", values)
    assert {"python", "torch", "torchvision", "pycocotools", "numpy", "ray", "commit", "date", "cpu"} <= set(values)
    assert {"cores", "memory_gib", "gpus", "platform"} <= set(values)
    assert read_json(tmp_path / "e.json") == values

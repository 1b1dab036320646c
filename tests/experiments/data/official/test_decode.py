"""Which image files decode."""

from experiments.data.official import decode
from experiments.data.official.memory import Memory
from tests.samples import image


def test_several_processes_report_what_one_reports(tmp_path, monkeypatch):
    paths = [tmp_path / split / f"{i}.jpg" for split in ("train2017", "val2017") for i in range(3)]
    for path in paths:
        image(path)
    paths[1].write_bytes(b"no image")
    paths = sorted(map(str, paths))
    one, _ = decode.decode_all(paths, Memory(tmp_path / "one", "coco"), 1)
    monkeypatch.setattr(decode, "SHARE", 2)
    two, decoded = decode.decode_all(paths, Memory(tmp_path / "two", "coco"), 2)
    assert one == two and decoded == 6 and sum(not state.good for state in two.values()) == 1

"""Which image files decode."""

from experiments.data.official import decode
from experiments.data.official.memory import Memory
from experiments.data.pixels import AS_SEEN, Reading
from tests.samples import image


def test_several_processes_report_what_one_reports(tmp_path, monkeypatch):
    paths = [tmp_path / split / f"{i}.jpg" for split in ("train2017", "val2017") for i in range(3)]
    for path in paths:
        image(path)
    paths[1].write_bytes(b"no image")
    paths = sorted(map(str, paths))
    one, _ = decode.decode_all(paths, Memory(tmp_path / "one", "coco"), 1, AS_SEEN)
    monkeypatch.setattr(decode, "SHARE", 2)
    two, decoded = decode.decode_all(paths, Memory(tmp_path / "two", "coco"), 2, AS_SEEN)
    assert one == two and decoded == 6 and sum(not state.good for state in two.values()) == 1


def test_another_limit_of_pixels_is_heeded(tmp_path):
    image(tmp_path / "a.jpg")
    paths, memory = [str(tmp_path / "a.jpg")], Memory(tmp_path, "own")
    for limit, good in ((600, True), (599, False), (600, True)):
        states, decoded = decode.decode_all(paths, memory, 1, Reading(max_pixels=limit))
        assert decoded == 1 and states[paths[0]].good == good
    assert decode.decode_all(paths, memory, 1, AS_SEEN)[1] == 0

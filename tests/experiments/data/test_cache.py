"""Indexes in the cache: the same as read, noticed when anything changed, rebuilt when damaged, shared by processes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.data import cache
from experiments.data.config import DataConfig
from experiments.data.datasets import load_index
from experiments.data.image_files import image_files
from experiments.data.index import Index
from experiments.data.readers import coco
from experiments.runtime.errors import UserError
from tests.samples import image, instances, write_coco

REPOSITORY = Path(__file__).parents[3]
OWN = DataConfig("coco", "train2017", "train2017", (800,), 1333)


@pytest.fixture
def reads(monkeypatch):
    """Every call of the reader itself."""
    calls, read = [], coco.read
    monkeypatch.setattr(coco, "read", lambda *asked: calls.append(asked) or read(*asked))
    return calls


@pytest.fixture
def root(tmp_path):
    data = instances()
    data["images"].append(data["images"][0] | {"id": 3})
    write_coco(tmp_path / "data", json.dumps(data))
    return tmp_path / "data"


def load_own(root: Path, **changed) -> Index:
    return load_index(DataConfig(**(vars(OWN) | changed)), "own", root, "train2017")


def entries() -> list[Path]:
    return sorted(cache.folder().glob("index-*/[0-9a-f]*"))


def test_a_dataset_is_read_once_and_the_same_afterwards(root, reads):
    first, again = load_own(root), load_own(root)
    plain = coco.read(root, "train2017", ())
    plain = replace(plain, files=image_files(plain.paths))
    assert len(reads) == 2  # one of them here
    for index in (first, again):
        assert index.digest() == index.hashed == plain.digest() and index.counters == plain.counters
        assert index.classes == plain.classes and list(index.paths) == list(plain.paths)
        assert (
            index.files.same(plain.files)
            and index.files.bytes.tolist() == [(root / "train2017/a.jpg").stat().st_size] * 2
        )
        for name in (*cache.COLUMNS, "areas"):
            assert np.array_equal(getattr(index, name), getattr(plain, name)), name
            assert getattr(index, name).dtype == getattr(plain, name).dtype


def test_a_changed_file_option_or_folder_is_noticed(root, reads):
    before = load_own(root).digest()
    path = root / "annotations" / "instances_train2017.json"
    stat, data = path.stat(), instances()
    data["annotations"][0]["bbox"] = [1, 2, 3, 5]
    path.write_text(json.dumps(data))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # another size alone
    assert load_own(root).digest() != before and len(reads) == 2
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert load_own(root).digest() and len(reads) == 3 and len(entries()) == 1  # the old entries are gone
    load_own(root, classes=("cat",))
    (root / "train2017" / "new.jpg").write_bytes(b"")
    load_own(root)
    assert len(reads) == 5


def touch(path: Path) -> None:
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))


def test_other_pixels_under_the_same_names_are_another_dataset(root, reads, capsys):
    """The folder itself did not change; of the same size, too."""
    before = load_own(root).digest()
    path = root / "train2017" / "a.jpg"
    stat, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-1] + b"!")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert load_own(root).digest() != before and len(reads) == 2
    assert "images changed since it was last read" in capsys.readouterr().err
    image(path, 31, 20)
    assert load_own(root).digest() != before and len(reads) == 3
    path.write_bytes(data)
    assert load_own(root).digest() == before and len(entries()) == 1


def test_other_times_alone_are_the_same_dataset_and_read_nothing_anew(root, reads):
    before = load_own(root)
    touch(root / "train2017" / "a.jpg")
    for _ in range(2):
        index = load_own(root)
        assert index.digest() == before.digest() and index.read(0).shape == (3, 20, 30) and len(reads) == 1
    assert not np.array_equal(index.files.times, before.files.times)  # not compared by content again


def test_an_image_that_changes_after_its_dataset_was_read_stops_the_run(root):
    index, path = load_own(root), root / "train2017" / "a.jpg"
    data = path.read_bytes()
    touch(path)
    assert index.read(0).shape == (3, 20, 30)  # a copy
    for changed in (data[:-1] + b"!", data + b"!"):
        path.write_bytes(changed)
        touch(path)
        with pytest.raises(UserError, match=r"a\.jpg: the image changed since its dataset was read"):
            index.read(0)


def test_how_orientations_are_read_is_part_of_the_dataset(root):
    assert load_own(root).digest() != load_own(root, exif="ignore").digest()
    assert load_own(root).digest() == load_own(root, max_pixels=10**9).digest()
    assert load_own(root, max_pixels=10**9).reading.max_pixels == 10**9


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "flipped": flip,
    "garbage": lambda path: path.write_bytes(b"garbage"),
    "removed": Path.unlink,
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", ["boxes.npy", "path_bytes.npy", "offsets.npy", "file_hashes.npy", "about.json"])
def test_a_damaged_cache_is_built_again(root, reads, name, how):
    before = load_own(root).digest()
    DAMAGE[how](entries()[0] / name)
    for _ in range(2):
        index = load_own(root)
        assert index.digest() == before and index.boxes.tolist() == [[1, 2, 4, 6]] and index.paths[1].endswith("a.jpg")
    assert len(reads) == 2 and len(entries()) == 1


def test_a_cache_that_cannot_be_written_costs_one_line(root, reads, monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ASSIGNBENCH_CACHE", str(tmp_path / "file"))
    assert len(load_own(root)) == 2 and len(reads) == 1
    assert capsys.readouterr().err.count("The index is not cached") == 1


CODE = """import sys; from pathlib import Path
from experiments.data.config import DataConfig; from experiments.data.datasets import load_index
data = DataConfig("coco", "train2017", "train2017", (800,), 1333)
print(load_index(data, "own", Path(sys.argv[1]), "train2017").digest())"""


def test_several_processes_at_once_get_one_index(root):
    command = [sys.executable, "-c", CODE, str(root)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) for _ in range(3)]
    assert len({process.communicate()[0] for process in running}) == 1 and len(entries()) == 1
    assert [process.returncode for process in running] == [0, 0, 0]

"""Indexes in the cache: the same as read, noticed when anything changed, rebuilt when damaged, shared by processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.data import cache
from experiments.data.datasets import load
from experiments.data.packed_paths import pack
from experiments.data.readers import coco, voc, widerface
from experiments.recipes.recipe import DataRecipe
from tests.samples import XML, instances, write_coco, write_voc, write_widerface

MINE = DataRecipe("coco", "train2017", "train2017", (800,), 1333)


@pytest.fixture
def reads(monkeypatch):
    """How often the reader itself was asked."""
    made, read = [], coco.read
    monkeypatch.setattr(coco, "read", lambda *asked: made.append(asked) or read(*asked))
    return made


@pytest.fixture
def root(tmp_path):
    data = instances()
    data["images"].append(data["images"][0] | {"id": 3})
    write_coco(tmp_path / "data", json.dumps(data))
    return tmp_path / "data"


def mine(root: Path, **changed):
    return load(DataRecipe(**(vars(MINE) | changed)), "mine", root, "train2017")


def entries() -> list[Path]:
    return sorted(cache.folder().glob("index-*/[0-9a-f]*"))


def test_a_set_is_read_once_and_the_same_afterwards(root, reads):
    first, again = mine(root), mine(root)
    plain = coco.read(root, "train2017", ())
    assert len(reads) == 2  # one of them here
    for index in (first, again):
        assert index.digest() == index.hashed == plain.digest() and index.counters == plain.counters
        assert index.classes == plain.classes and list(index.paths) == list(plain.paths)
        for name in (*cache.COLUMNS, "areas"):
            assert np.array_equal(getattr(index, name), getattr(plain, name)), name
            assert getattr(index, name).dtype == getattr(plain, name).dtype


def test_the_hash_of_the_content_is_that_of_the_content(root):
    index = mine(root)
    assert index.only(np.array([0])).digest() != index.digest() == index.only(np.array([0, 1])).digest()


def test_a_changed_file_option_or_folder_is_noticed(root, reads):
    before = mine(root).digest()
    path = root / "annotations" / "instances_train2017.json"
    stat, data = path.stat(), instances()
    data["annotations"][0]["bbox"] = [1, 2, 3, 5]
    path.write_text(json.dumps(data))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # another size alone
    assert mine(root).digest() != before and len(reads) == 2
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert mine(root).digest() and len(reads) == 3 and len(entries()) == 1  # the old entries are gone
    mine(root, classes=("cat",))
    (root / "train2017" / "new.jpg").write_bytes(b"")
    mine(root)
    assert len(reads) == 5


def test_every_annotation_of_voc_and_the_lists_are_watched(tmp_path):
    write_voc(tmp_path, XML.format("", "cat", 30))
    names = {path.name for path in voc.sources(tmp_path, "train")}
    assert names == {"train.txt", "JPEGImages", "a.xml"}
    write_widerface(tmp_path, "")
    assert [path.name for path in widerface.sources(tmp_path, "train")] == ["wider_face_train_bbx_gt.txt", "images"]


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
@pytest.mark.parametrize("name", ["boxes.npy", "path_bytes.npy", "offsets.npy", "about.json"])
def test_a_damaged_cache_is_built_again(root, reads, name, how):
    whole = mine(root).digest()
    DAMAGE[how](entries()[0] / name)
    for _ in range(2):
        index = mine(root)
        assert index.digest() == whole and index.boxes.tolist() == [[1, 2, 4, 6]] and index.paths[1].endswith("a.jpg")
    assert len(reads) == 2 and len(entries()) == 1


def test_a_cache_that_cannot_be_written_costs_one_line(root, reads, monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ASSIGNBENCH_CACHE", str(tmp_path / "file"))
    assert len(mine(root)) == 2 and len(reads) == 1
    assert capsys.readouterr().err.count("The index is not cached") == 1


def test_several_processes_at_once_get_one_index(root):
    code = (
        "import sys; from pathlib import Path; from tests.test_data_cache import mine;"
        "print(mine(Path(sys.argv[1])).digest())"
    )
    words = [sys.executable, "-c", code, str(root)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) for _ in "123"]
    assert len({process.communicate()[0] for process in running}) == 1 and len(entries()) == 1
    assert [process.returncode for process in running] == [0, 0, 0]


def test_paths_are_one_buffer():
    paths = pack(["a/é.jpg", "", "b.jpg"], "/root")
    assert list(paths) == ["/root/a/é.jpg", "", "/root/b.jpg"] and paths.base_names() == ["é.jpg", "", "b.jpg"]
    assert list(paths.only(np.array([2, 0]))) == ["/root/b.jpg", "/root/a/é.jpg"]
    with pytest.raises(IndexError):
        paths[3]

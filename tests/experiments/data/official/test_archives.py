"""Unpacking archives from strangers: all that they hold, each file once, or nothing of it."""

import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.official import archives
from experiments.data.official.archives import unpack
from experiments.runtime.errors import UserError
from tests.file_server import DATA
from tests.hostile import fuzz
from tests.samples import names_in, tar, zipped


def special(kind: bytes, name: str = "a/x", target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("make", [tar, zipped])
def test_files_are_unpacked_and_a_second_time_left(tmp_path, root, make):
    path = make(tmp_path / "x", ("a/b/1.txt", b"one"), ("a/2.txt", b"two"), ("3.txt", b""))
    assert unpack(path, root) == 3 and tree(root) == {"a/b/1.txt": b"one", "a/2.txt": b"two", "3.txt": b""}
    assert unpack(path, root) == 0
    (root / "a" / "2.txt").write_bytes(b"half a file")
    (root / "a" / "b" / "1.txt").write_bytes(b"bad")
    assert unpack(path, root, {root / "a" / "b" / "1.txt"}) == 2
    assert tree(root) == {"a/b/1.txt": b"one", "a/2.txt": b"two", "3.txt": b""}


@pytest.mark.parametrize("make", [tar, zipped])
@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "a\\..\\out", "a/\n", "..", "a/" + "b" * 300])
def test_a_name_that_points_outside_stops_all(tmp_path, root, make, name):
    path = make(tmp_path / "x", ("good", b"1"), (name, b"2"))
    with pytest.raises(UserError, match="Nothing was unpacked"):
        unpack(path, root)
    assert tree(root) == {} and names_in(tmp_path) == ["root", "x"]


@pytest.mark.parametrize(
    "info",
    [
        special(tarfile.SYMTYPE, target="/etc/passwd"),
        special(tarfile.SYMTYPE, target="good"),
        special(tarfile.LNKTYPE, target="good"),
        special(tarfile.CHRTYPE),
        special(tarfile.FIFOTYPE),
    ],
)
def test_links_and_devices_stop_all(tmp_path, root, info):
    with pytest.raises(UserError, match="'a/x' is a link or a device"):
        unpack(tar(tmp_path / "x", ("good", b"1"), info), root)
    assert tree(root) == {}


def test_a_link_in_a_zip_stops_all(tmp_path, root):
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        info = zipfile.ZipInfo("a")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="'a' is a link"):
        unpack(tmp_path / "x", root)


def test_links_on_the_disk_carry_nothing_out(tmp_path, root):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "1").write_bytes(b"before")
    (root / "a").symlink_to(outside)
    (root / "b").symlink_to(outside / "1")
    with pytest.raises(UserError, match="is a link out of"):
        unpack(tar(tmp_path / "x", ("a/1", b"after")), root)
    assert unpack(tar(tmp_path / "y", ("b", b"after")), root) == 1
    assert tree(outside) == {"1": b"before"} and (root / "b").read_bytes() == b"after"


def test_a_bomb_is_seen_by_what_it_declares(tmp_path, root, monkeypatch):
    path = zipped(tmp_path / "x", *((f"{i}", bytes(10_000_000)) for i in range(3)))
    monkeypatch.setattr(archives, "SPARE", 20_000_000)
    with pytest.raises(UserError, match="declare 3 files of 30000000 bytes"):
        unpack(path, root)
    monkeypatch.undo()
    monkeypatch.setattr(archives, "MEMBERS", 2)
    with pytest.raises(UserError, match="no dataset"):
        unpack(path, root)
    assert tree(root) == {}


def test_more_bytes_than_declared_do_not_reach_the_disk(tmp_path, root):
    path = zipped(tmp_path / "x", ("a", bytes(1000)))
    data = path.read_bytes()
    for offset in (data.index((1000).to_bytes(4, "little")), data.rindex((1000).to_bytes(4, "little"))):
        data = data[:offset] + (10).to_bytes(4, "little") + data[offset + 4 :]
    path.write_bytes(data)
    with pytest.raises(UserError, match="not a whole tar or zip file"):
        unpack(path, root)
    assert tree(root) == {}


def test_names_used_twice_and_files_in_the_way_are_refused(tmp_path, root):
    with pytest.raises(UserError, match="'a' is in it twice"):
        unpack(tar(tmp_path / "x", ("a", b"1"), ("a", b"2")), root)
    (root / "a").write_bytes(b"")
    with pytest.raises(UserError, match="a file of that name is in the way"):
        unpack(tar(tmp_path / "x", ("a/b", b"1")), root)
    (root / "c").mkdir()
    with pytest.raises(UserError, match="a folder of that name is in the way"):
        unpack(tar(tmp_path / "x", ("c", b"1")), root)


def test_the_disk_is_asked_first(tmp_path, root, monkeypatch):
    monkeypatch.setattr(archives, "LEAVE", 1 << 60)
    with pytest.raises(UserError, match=r"takes 0\.0 GB, but the disk of .* has .* GB free"):
        unpack(tar(tmp_path / "x", ("a", b"1")), root)
    assert tree(root) == {}


@pytest.mark.parametrize("data", [b"", b"no archive", DATA[:2000]])
def test_what_is_no_archive_is_named(tmp_path, root, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(UserError, match="x: not a whole tar or zip file"):
        unpack(tmp_path / "x", root)


def test_a_cut_tar_is_named_and_a_locked_zip_too(tmp_path, root):
    path = tar(tmp_path / "x", ("a", bytes(2000)), ("b", bytes(2000)))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match="its end is missing"):
        unpack(path, root)
    path = zipped(tmp_path / "y", ("a", b"1"))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="Unpack it by hand"):
        unpack(path, root)


@fuzz(60)
@given(
    kind=st.sampled_from([tar, zipped]), edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12)
)
def test_a_damaged_archive_is_one_sentence_and_stays_inside(tmp_path_factory, kind, edits):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "root").mkdir()
    path = kind(folder / "x", ("a/b/1.txt", b"one" * 50), ("a/2.txt", b"two" * 50))
    data = bytearray(path.read_bytes())
    for share, value in edits:
        data[int(share * (len(data) - 1))] = value
    path.write_bytes(data)
    try:
        unpack(path, folder / "root")
    except UserError as error:
        assert str(error).startswith(str(folder)) and len(str(error).splitlines()) == 1
    assert names_in(folder) == ["root", "x"]
    assert all(p.is_dir() or stat.S_ISREG(p.lstat().st_mode) for p in (folder / "root").rglob("*"))
    assert not list((folder / "root").rglob(archives.PARTIAL))


@fuzz(60)
@given(
    pieces=st.lists(
        st.sampled_from(["..", ".", "", "a", "/", "\\", "\x00", "c:", "\udc80", "é"]), min_size=1, max_size=6
    )
)
def test_no_name_points_outside(tmp_path_factory, pieces):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "root").mkdir()
    try:
        unpack(tar(folder / "x", ("/".join(pieces) or "a", b"1")), folder / "root")
    except UserError as error:
        str(error).encode()
    assert names_in(folder) == ["root", "x"]

"""Fetching over HTTP from a server on this machine, and unpacking archives from strangers."""

import hashlib
import io
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.data import archives, download
from experiments.data.archives import unpack
from experiments.data.download import fetch
from experiments.data.sources import SOURCES, Archive
from experiments.errors import UserError

DATA = bytes(range(256)) * 4096  # 1 MiB, no two places alike within 256
FUZZ = settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))


@dataclass
class Served:
    """What the server does, and what it was asked."""

    data: bytes = DATA
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes that the next answers send before they break off
    status: int = 200
    to: str = ""  # a redirection
    kind: str = "application/x-tar"
    content_range: str = ""  # in place of the right one
    length: bool = True
    asked: list[str] = field(default_factory=list)  # Range headers


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        served = self.server.served
        wanted = self.headers.get("Range", "")
        served.asked.append(wanted)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", served.to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted[6:-1]) if wanted and served.ranges else 0
        body = served.data[start:]
        self.send_response(206 if start and served.status == 200 else served.status)
        self.send_header("Content-Type", served.kind)
        if start:
            whole = f"bytes {start}-{len(served.data) - 1}/{len(served.data)}"
            self.send_header("Content-Range", served.content_range or whole)
        if served.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: served.cuts.pop(0)] if served.cuts else body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(served: Served):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.served = served
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "OPENER", download._opener())


def archive(*urls: str, data: bytes = DATA) -> Archive:
    return Archive("set.tar", len(data), hashlib.sha256(data).hexdigest(), {}, urls)


def get(folder: Path, served: Served, data: bytes = DATA) -> Path:
    with serving(served) as url:
        return fetch(archive(f"{url}/set.tar", data=data), folder, wait=lambda _: None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_whole(tmp_path):
    served = Served()
    assert get(tmp_path, served).read_bytes() == DATA
    assert served.asked == [""] and names(tmp_path) == ["set.tar"]


def test_a_cut_connection_is_gone_on_with_where_it_broke(tmp_path):
    served = Served(cuts=[300_000, 1])
    assert get(tmp_path, served).read_bytes() == DATA
    assert served.asked == ["", "bytes=300000-", "bytes=300001-"]


def test_a_later_command_goes_on_at_another_address(tmp_path):
    with pytest.raises(UserError, match="400000 bytes that came are kept"):
        get(tmp_path, Served(cuts=[400_000, 0, 0, 0]))
    served = Served()
    assert get(tmp_path, served).read_bytes() == DATA and served.asked == ["bytes=400000-"]


def test_a_server_without_ranges_loses_nothing(tmp_path):
    served = Served(ranges=False, cuts=[300_000, 700_000])
    assert get(tmp_path, served).read_bytes() == DATA
    assert len(served.asked) == 3
    with pytest.raises(UserError, match="1048575 bytes that came are kept"):
        get(tmp_path, Served(ranges=False, cuts=[len(DATA) - 1, 500, 500, 500]))


def test_a_server_that_does_not_say_the_length_is_resumed_too(tmp_path):
    assert get(tmp_path, Served(length=False, cuts=[300_000])).read_bytes() == DATA


def test_a_corrupted_file_is_not_kept(tmp_path):
    with pytest.raises(UserError, match=r"checksum [0-9a-f]{12}\.\.\., the published file has .* thrown away"):
        get(tmp_path, Served(data=DATA[:-1] + b"!"))
    assert names(tmp_path) == []


def test_a_bad_beginning_from_before_is_fetched_anew(tmp_path):
    (tmp_path / "set.tar.part").write_bytes(b"bad" * 1000)
    served = Served()
    assert get(tmp_path, served).read_bytes() == DATA and served.asked == ["bytes=3000-", ""]
    (tmp_path / "set.tar.part").write_bytes(DATA + b"more")
    assert get(tmp_path, Served()).read_bytes() == DATA


def test_another_file_of_that_name_is_refused_before_it_is_fetched(tmp_path):
    with pytest.raises(UserError, match="its file has 5 bytes, the published one 1048576"):
        get(tmp_path, Served(data=b"other"))
    (tmp_path / "set.tar.part").write_bytes(DATA[:10])
    with pytest.raises(UserError, match="it sends 'bytes 0-9/10'"):
        get(tmp_path, Served(content_range="bytes 0-9/10"))
    assert (tmp_path / "set.tar.part").read_bytes() == DATA[:10]


def test_a_web_page_is_not_taken_for_the_file(tmp_path):
    with pytest.raises(UserError, match="a web page in place of the file"):
        get(tmp_path, Served(kind="text/html; charset=utf-8", length=False))
    assert names(tmp_path) == []


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, 3)])
def test_a_status_is_named_and_only_a_passing_one_is_tried_again(tmp_path, status, requests):
    served = Served(status=status, data=b"")
    with pytest.raises(UserError, match=f"set.tar could not be fetched. http.*: the server says {status}"):
        get(tmp_path, served)
    assert len(served.asked) == requests and names(tmp_path) == []


def test_the_next_address_is_asked_where_one_fails(tmp_path):
    missing, good = Served(status=404, data=b""), Served()
    with serving(missing) as first, serving(good) as second:
        fetch(archive(f"{first}/set.tar", f"{second}/set.tar"), tmp_path, wait=lambda _: None)
    assert (tmp_path / "set.tar").read_bytes() == DATA


def test_a_redirection_is_followed_over_http_only(tmp_path):
    served = Served(cuts=[300_000])
    with serving(served) as url:
        served.to = f"{url}/set.tar"
        wanted = archive(f"{url}/moved")
        assert fetch(wanted, tmp_path, wait=lambda _: None).read_bytes() == DATA
        assert served.asked == ["", "", "bytes=300000-", "bytes=300000-"]
        secret = tmp_path / "secret"
        secret.write_bytes(DATA)
        for target in (secret.as_uri(), "ftp://127.0.0.1:1/set.tar"):
            served.to = target
            with pytest.raises(UserError, match="could not be fetched"):
                fetch(wanted, tmp_path / "..", wait=lambda _: None)
        served.to = f"{url}/moved"
        with pytest.raises(UserError, match="the server says 302"):
            fetch(wanted, tmp_path, wait=lambda _: None)


def test_no_network_is_one_sentence(tmp_path):
    with serving(Served()) as url:
        pass
    waits = []
    with pytest.raises(UserError, match=r"Connection refused\.$"):
        fetch(archive(f"{url}/set.tar"), tmp_path, wait=waits.append)
    assert waits == [1, 2] and names(tmp_path) == []


def test_two_processes_do_not_write_one_file(tmp_path):
    code = "import fcntl,sys; f=open(sys.argv[1],'ab'); fcntl.lockf(f,fcntl.LOCK_EX); print('held',flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "set.tar.part")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="being written by another process"):
            get(tmp_path, Served())
    finally:
        other.communicate("\n")


@FUZZ
@given(
    size=st.integers(1, 5000),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
    ranges=st.booleans(),
    length=st.booleans(),
    left=st.binary(max_size=200) | st.integers(0, 5000),
)
def test_whatever_breaks_the_file_is_right_or_not_there(tmp_path_factory, size, cuts, ranges, length, left):
    folder, data = tmp_path_factory.mktemp("fuzz"), DATA[:size]
    (folder / "set.tar.part").write_bytes(left if isinstance(left, bytes) else data[:left])
    try:
        assert get(folder, Served(data=data, cuts=list(cuts), ranges=ranges, length=length), data).read_bytes() == data
        assert names(folder) == ["set.tar"]
    except UserError as error:
        assert len(cuts) >= download.TRIES and "set.tar could not be fetched" in str(error)
        assert "set.tar" not in names(folder)


# archives


def tar(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as file:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                file.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                file.addfile(info, io.BytesIO(member[1]))
    return path


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


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
def test_a_name_that_leads_out_stops_all(tmp_path, root, make, name):
    path = make(tmp_path / "x", ("good", b"1"), (name, b"2"))
    with pytest.raises(UserError, match="Nothing was unpacked"):
        unpack(path, root)
    assert tree(root) == {} and names(tmp_path) == ["root", "x"]


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
    (outside / "1").write_bytes(b"mine")
    (root / "a").symlink_to(outside)
    (root / "b").symlink_to(outside / "1")
    with pytest.raises(UserError, match="is a link out of"):
        unpack(tar(tmp_path / "x", ("a/1", b"theirs")), root)
    assert unpack(tar(tmp_path / "y", ("b", b"theirs")), root) == 1
    assert tree(outside) == {"1": b"mine"} and (root / "b").read_bytes() == b"theirs"


def test_a_bomb_is_seen_by_what_it_declares(tmp_path, root, monkeypatch):
    path = zipped(tmp_path / "x", *((f"{i}", bytes(10_000_000)) for i in range(3)))
    monkeypatch.setattr(archives, "SPARE", 20_000_000)
    with pytest.raises(UserError, match="declare 3 files of 30000000 bytes"):
        unpack(path, root)
    monkeypatch.undo()
    monkeypatch.setattr(archives, "MEMBERS", 2)
    with pytest.raises(UserError, match="no data set"):
        unpack(path, root)
    assert tree(root) == {}


def test_more_bytes_than_declared_do_not_reach_the_disk(tmp_path, root):
    path = zipped(tmp_path / "x", ("a", bytes(1000)))
    data = path.read_bytes()
    for place in (data.index((1000).to_bytes(4, "little")), data.rindex((1000).to_bytes(4, "little"))):
        data = data[:place] + (10).to_bytes(4, "little") + data[place + 4 :]
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


@FUZZ
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
    assert names(folder) == ["root", "x"]
    assert all(p.is_dir() or stat.S_ISREG(p.lstat().st_mode) for p in (folder / "root").rglob("*"))
    assert not list((folder / "root").rglob(archives.PARTIAL))


@FUZZ
@given(
    parts=st.lists(
        st.sampled_from(["..", ".", "", "a", "/", "\\", "\x00", "c:", "\udc80", "é"]), min_size=1, max_size=6
    )
)
def test_no_name_leads_out(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "root").mkdir()
    try:
        unpack(tar(folder / "x", ("/".join(parts) or "a", b"1")), folder / "root")
    except UserError as error:
        str(error).encode()
    assert names(folder) == ["root", "x"]


def test_every_published_archive_is_fully_described():
    found = [a for source in SOURCES.values() for a in source.archives]
    assert len(found) == 9 and len({a.sha256 for a in found}) == 9
    assert all(len(a.sha256) == 64 and int(a.sha256, 16) and a.size > 0 and a.brings for a in found)
    assert all(url.endswith(a.name) and url.startswith("http") for a in found for url in a.urls)

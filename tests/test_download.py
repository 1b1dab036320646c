"""Fetching over HTTP from a server on this machine."""

import hashlib
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.data.official import download
from experiments.data.official.download import fetch
from experiments.data.official.sources import SOURCES, Archive
from experiments.runtime.errors import UserError

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


def test_every_published_archive_is_fully_described():
    found = [a for source in SOURCES.values() for a in source.archives]
    assert len(found) == 9 and len({a.sha256 for a in found}) == 9
    assert all(len(a.sha256) == 64 and int(a.sha256, 16) and a.size > 0 and a.brings for a in found)
    assert all(url.endswith(a.name) and url.startswith("http") for a in found for url in a.urls)

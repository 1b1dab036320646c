"""Fetching over HTTP from a server on this machine."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.official import download
from experiments.data.official.download import fetch
from experiments.data.official.sources import Archive
from experiments.runtime.errors import UserError
from tests.file_server import DATA, Served, serving
from tests.hostile import fuzz
from tests.samples import names_in

pytestmark = pytest.mark.usefixtures("no_proxy")


def archive(*urls: str, data: bytes = DATA) -> Archive:
    return Archive("set.tar", len(data), hashlib.sha256(data).hexdigest(), {}, urls)


def get(folder: Path, served: Served, data: bytes = DATA) -> Path:
    with serving(served) as url:
        return fetch(archive(f"{url}/set.tar", data=data), folder, wait=lambda _: None)


def test_a_file_is_fetched(tmp_path):
    served = Served()
    assert get(tmp_path, served).read_bytes() == DATA
    assert served.asked == [""] and names_in(tmp_path) == ["set.tar"]


def test_a_cut_connection_is_resumed_where_it_broke(tmp_path):
    served = Served(cuts=[300_000, 1])
    assert get(tmp_path, served).read_bytes() == DATA
    assert served.asked == ["", "bytes=300000-", "bytes=300001-"]


def test_a_later_command_resumes_at_another_address(tmp_path):
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


def test_a_server_that_does_not_tell_the_length_is_resumed_too(tmp_path):
    assert get(tmp_path, Served(length=False, cuts=[300_000])).read_bytes() == DATA


def test_a_corrupted_file_is_not_kept(tmp_path):
    with pytest.raises(UserError, match=r"checksum [0-9a-f]{12}\.\.\., the published file has .* thrown away"):
        get(tmp_path, Served(data=DATA[:-1] + b"!"))
    assert names_in(tmp_path) == []


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
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, 3)])
def test_a_status_is_named_and_only_a_passing_one_is_tried_again(tmp_path, status, requests):
    served = Served(status=status, data=b"")
    with pytest.raises(UserError, match=f"set.tar could not be fetched. http.*: the server says {status}"):
        get(tmp_path, served)
    assert len(served.asked) == requests and names_in(tmp_path) == []


def test_the_next_address_is_asked_where_one_fails(tmp_path):
    missing, good = Served(status=404, data=b""), Served()
    with serving(missing) as first, serving(good) as second:
        fetch(archive(f"{first}/set.tar", f"{second}/set.tar"), tmp_path, wait=lambda _: None)
    assert (tmp_path / "set.tar").read_bytes() == DATA


def test_a_redirection_is_followed_over_http_only(tmp_path):
    served = Served(cuts=[300_000])
    with serving(served) as url:
        served.to = f"{url}/set.tar"
        moved = archive(f"{url}/moved")
        assert fetch(moved, tmp_path, wait=lambda _: None).read_bytes() == DATA
        assert served.asked == ["", "", "bytes=300000-", "bytes=300000-"]
        secret = tmp_path / "secret"
        secret.write_bytes(DATA)
        for target in (secret.as_uri(), "ftp://127.0.0.1:1/set.tar"):
            served.to = target
            with pytest.raises(UserError, match="could not be fetched"):
                fetch(moved, tmp_path / "..", wait=lambda _: None)
        served.to = f"{url}/moved"
        with pytest.raises(UserError, match="the server says 302"):
            fetch(moved, tmp_path, wait=lambda _: None)


def test_no_network_is_one_sentence(tmp_path):
    with serving(Served()) as url:
        pass
    waits = []
    with pytest.raises(UserError, match=r"Connection refused\.$"):
        fetch(archive(f"{url}/set.tar"), tmp_path, wait=waits.append)
    assert waits == [1, 2] and names_in(tmp_path) == []


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


@fuzz(60)
@given(
    size=st.integers(1, 5000),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
    ranges=st.booleans(),
    length=st.booleans(),
    before=st.binary(max_size=200) | st.integers(0, 5000),
)
def test_whatever_breaks_the_file_is_right_or_not_there(tmp_path_factory, size, cuts, ranges, length, before):
    folder, data = tmp_path_factory.mktemp("fuzz"), DATA[:size]
    (folder / "set.tar.part").write_bytes(before if isinstance(before, bytes) else data[:before])
    try:
        assert get(folder, Served(data=data, cuts=list(cuts), ranges=ranges, length=length), data).read_bytes() == data
        assert names_in(folder) == ["set.tar"]
    except UserError as error:
        assert len(cuts) >= download.TRIES and "set.tar could not be fetched" in str(error)
        assert "set.tar" not in names_in(folder)

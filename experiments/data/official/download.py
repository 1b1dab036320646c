"""Fetches one file over HTTP: resumes where it was cut, and keeps it only with the published size and checksum."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import sys
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from experiments.data.official.sources import Archive
from experiments.runtime.errors import UserError

BLOCK = 1 << 18  # bytes of one read
TIMEOUT_S = 30  # without a byte
TRIES = 3  # in a row that bring no new byte, at one address
AGAIN = {408, 429, 500, 502, 503, 504}  # statuses worth another try


class _Refused(Exception):
    """This address does not give the file; another may."""


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS only: a redirection must not lead to a local file or to FTP."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        director.add_handler(handler())
    return director


def fetch(archive: Archive, folder: Path, wait: Callable[[float], None] = time.sleep) -> Path:
    """folder/name, from the first address that gives it; `wait` sleeps between tries, seconds.

    A name.part of an earlier call is resumed, at any address: size and checksum say in the end whether the pieces
    fit. Raises UserError, naming every address and why.
    """
    partial, refusals = folder / f"{archive.name}.part", []
    with partial.open("ab") as file:
        _lock(file, partial)
        for url in archive.urls:
            try:
                _fetch_checked(url, file, partial, archive, wait)
            except _Refused as error:
                refusals.append(f"{url}: {error}")
                continue
            os.replace(partial, folder / archive.name)
            return folder / archive.name
        remark = f"The {file.tell()} bytes that came are kept: run the same command to resume." if file.tell() else ""
    if not remark:
        partial.unlink()
    raise UserError(" ".join([f"{archive.name} could not be fetched.", *refusals, remark]).strip())


def _lock(file: BinaryIO, partial: Path) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UserError(f"{partial} is being written by another process. Wait for it, or stop it.") from None


def _fetch_checked(url: str, file: BinaryIO, partial: Path, archive: Archive, wait: Callable[[float], None]) -> None:
    """Fills the file and verifies it; what came whole but wrong is thrown away at once."""
    for pieced in (file.tell() > 0, False):
        _fill(url, file, archive, wait)
        file.flush()
        digest = checksum(partial)
        if digest == archive.sha256:
            return
        file.truncate(0)
        file.seek(0)
        if not pieced:  # else the piece from before may be to blame: once more from the start
            break
    raise _Refused(
        f"what came has the checksum {digest[:12]}..., the published file has {archive.sha256[:12]}...; "
        "it was thrown away."
    )


def _fill(url: str, file: BinaryIO, archive: Archive, wait: Callable[[float], None]) -> None:
    """Appends until the size is reached; TRIES in a row without a new byte are enough."""
    idle = 0
    live = sys.stderr.isatty()
    with tqdm(
        total=archive.size, initial=file.tell(), desc=archive.name, unit="B", unit_scale=True, disable=not live
    ) as bar:
        while file.tell() < archive.size:
            before, why = file.tell(), "the connection ends early"
            try:
                _append(url, file, archive.size, bar)
            except HTTPError as error:
                error.close()
                why = f"the server says {error.code} {error.reason}"
                if error.code not in AGAIN:
                    raise _Refused(f"{why}.") from None
            except (OSError, HTTPException) as error:
                why = _plain(error)
            idle = 0 if file.tell() > before else idle + 1
            if idle == TRIES:
                raise _Refused(f"{why}.")
            wait(idle)


def _plain(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__).rstrip(".")


def _append(url: str, file: BinaryIO, size: int, bar: tqdm) -> None:
    """One request for what is missing."""
    headers = {"User-Agent": "AssignBench", "Accept-Encoding": "identity"}
    if file.tell():
        headers["Range"] = f"bytes={file.tell()}-"
    with OPENER.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as answer:
        skip = file.tell() - _start(answer, file.tell(), size)
        try:
            while file.tell() < size and (block := answer.read1(BLOCK)):
                new = block[skip:][: size - file.tell()]
                skip = max(0, skip - len(block))
                file.write(new)
                bar.update(len(new))
        finally:
            file.flush()


def _start(answer: HTTPResponse, have: int, size: int) -> int:
    """The place in the file where the answer begins: 0 where the server knows no ranges. What is there is skipped."""
    if answer.headers.get_content_type() == "text/html":
        raise _Refused("it answers with a web page in place of the file.")
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d{1,18})-\d+/(\d{1,18}|\*)", answer.headers.get("Content-Range", "").strip())
        if not match or int(match[1]) != have or match[2] not in ("*", str(size)):
            raise _Refused(f"asked for bytes {have} to {size - 1}, it sends '{answer.headers.get('Content-Range')}'.")
        return have
    length = answer.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and length != str(size):
        raise _Refused(f"its file has {length} bytes, the published one {size}.")
    return 0


def checksum(path: Path | str) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


OPENER = _opener()

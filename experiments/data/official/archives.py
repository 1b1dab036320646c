"""Unpacks tar and zip files from strangers: plain files only, below one folder only, as many bytes as were declared."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from experiments.runtime.errors import UserError

MEMBERS = 5_000_000  # of one archive; COCO's largest has 118,288
GROWTH = 20  # unpacked over packed bytes: annotations in JSON reach about 5
SPARE = 1 << 30  # bytes: growth that is never suspicious
PARTIAL = ".unpacking.partial"
LEAVE = 100 << 20  # bytes of the disk that stay free
BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError)
UNKNOWN = (NotImplementedError, RuntimeError)  # how zipfile says: compression unknown, encrypted


@dataclass(frozen=True)
class Member:
    """One file or folder of an archive."""

    name: str
    size: int  # bytes, as declared
    kind: str  # "file", "folder", or what it is instead
    open: Callable[[], IO[bytes]]


def unpack(path: Path, root: Path, again: Container[Path] = ()) -> int:
    """Every file of the archive below `root`; how many were written. All members are judged before the first is.

    A file that is there in its declared size is left, unless it is one of `again`; each is whole or not there.
    Raises UserError where the archive is broken, points outside `root`, or does not fit the disk.
    """
    with _members(path) as members:
        _judge(path, members)
        targets = [(m, _target(path, m.name, root)) for m in members if m.kind == "file"]
        todo = [(m, target) for m, target in targets if target in again or not _exists(target, m.size)]
        check_disk(root, sum(m.size for m, _ in todo), f"unpack {path}")
        parents: set[Path] = set()
        for member, target in tqdm(todo, desc=f"unpack {path.name}", disable=not sys.stderr.isatty()):
            if target.parent not in parents:
                _folder(path, target.parent, root)
                parents.add(target.parent)
            _write(path, member, target)
    return len(todo)


@contextmanager
def _members(path: Path) -> Iterator[list[Member]]:
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    yield [_of_zip(archive, info) for info in archive.infolist()]
            else:
                file.seek(0)
                with tarfile.open(fileobj=file, mode="r:") as archive:
                    members = [_of_tar(archive, info) for info in archive]
                    file.seek(archive.offset)
                    if file.read(512) != bytes(512):  # tarfile takes a cut between two members for the end
                        raise tarfile.ReadError("its end is missing")
                    yield members
    except BROKEN as error:
        raise UserError(f"{path}: not a whole tar or zip file ({error}). Fetch it again.") from None
    except UNKNOWN as error:
        raise UserError(f"{path}: this kind of zip file is not read ({error}). Unpack it by hand.") from None


def _of_tar(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    kind = "file" if info.isreg() and not info.issparse() else "folder" if info.isdir() else "a link or a device"
    return Member(info.name, info.size, kind, lambda: archive.extractfile(info))


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    if info.header_offset < 0:  # zipfile would seek there
        raise zipfile.BadZipFile("a file begins before the archive does")
    mode = stat.S_IFMT(info.external_attr >> 16)
    kind = "folder" if info.filename.endswith("/") else "file" if mode in (0, stat.S_IFREG) else "a link or a device"
    return Member(info.filename, info.file_size, kind, lambda: archive.open(info))


def _judge(path: Path, members: list[Member]) -> None:
    """Refuses what no dataset has: links, devices, names used twice, sizes of a bomb."""
    names = set()
    for member in members:
        if member.kind not in ("file", "folder"):
            raise UserError(f"{path}: {member.name!r:.80} is {member.kind}. Nothing was unpacked.")
        if member.kind == "file" and str(PurePosixPath(member.name)) in names:
            raise UserError(f"{path}: {member.name!r:.80} is in it twice. Nothing was unpacked.")
        if member.kind == "file":
            names.add(str(PurePosixPath(member.name)))
    total, packed = sum(m.size for m in members), path.stat().st_size
    if len(members) > MEMBERS or total > GROWTH * packed + SPARE or any(m.size < 0 for m in members):
        raise UserError(
            f"{path}: {packed} bytes that declare {len(members)} files of {total} bytes; that is no dataset. "
            "Nothing was unpacked."
        )


def _target(path: Path, name: str, root: Path) -> Path:
    """Where a member belongs; UserError for a name that points outside `root`, or that no file may have."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or not name.isprintable():
        raise UserError(f"{path}: {name!r:.80} points outside {root}. Nothing was unpacked.")
    if max(len(part.encode()) for part in parts) > 255 or len(name) > 4000:
        raise UserError(f"{path}: {name!r:.40}... is too long a name. Nothing was unpacked.")
    return root.joinpath(*parts)


def _folder(path: Path, folder: Path, root: Path) -> None:
    """Makes a folder; a link on the disk must not carry the files elsewhere."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise UserError(
            f"{path}: {folder} is a link out of {root}. Remove the link, or name its target as --data-root."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{path}: {folder} must be a folder, but a file of that name is in the way.") from None


def _exists(target: Path, size: int) -> bool:
    try:
        stat_ = target.lstat()
    except OSError:
        return False
    return stat.S_ISREG(stat_.st_mode) and stat_.st_size == size


def _write(path: Path, member: Member, target: Path) -> None:
    partial = target.with_name(PARTIAL)
    partial.unlink(missing_ok=True)  # of a process that was killed
    try:
        with member.open() as source, partial.open("xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        if partial.stat().st_size != member.size:
            raise UserError(f"{path}: {member.name!r:.80} is shorter than declared. Fetch the archive again.")
        if target.is_dir():
            raise UserError(f"{path}: {member.name!r:.80} is a file, but a folder of that name is in the way.")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def check_disk(folder: Path, size: int, task: str) -> None:
    """UserError where `folder`'s disk has not `size` bytes, and some to spare."""
    free = shutil.disk_usage(folder).free
    if size + LEAVE > free:
        raise UserError(
            f"To {task} takes {size / 1e9:.1f} GB, but the disk of {folder} has {free / 1e9:.1f} GB free. "
            "Free some, or use another --data-root."
        )

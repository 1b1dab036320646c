"""Holds what lies on disk against what the publisher offers: archives, folders, counts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.data.index import Index
from experiments.data.official.archives import room, unpack
from experiments.data.official.download import checksum, fetch
from experiments.data.official.memory import Memory
from experiments.data.official.sources import Archive, Source
from experiments.runtime.console import say
from experiments.runtime.errors import UserError

NOT_DROPPED = ("clipped",)  # counters of the index that say how many boxes were changed, not left out


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    kind: Literal["ok", "differs", "missing", "broken"]
    text: str


def applies(source: Source, root: Path) -> bool:
    """Whether `root` should hold the official set, not just data in its layout."""
    return not (source.single and (root / source.single).exists())


def place(source: Source, root: Path, path: str) -> Path:
    """Where a path of an archive lies: `root` may be the archives' top folder itself."""
    inner = source.top and not (root / source.top).is_dir() and path.startswith(f"{source.top}/")
    return root / (path.removeprefix(f"{source.top}/") if inner else path)


def count(path: Path) -> int:
    """Files below a folder, without hidden ones; 1 for a file, 0 where nothing is."""
    if path.is_file():
        return 1
    return sum(not name.startswith(".") for _, _, files in os.walk(path) for name in files)


def expected(source: Source, of: tuple[Archive, ...]) -> dict[str, int]:
    """Path -> files that these archives bring there."""
    total: dict[str, int] = {}
    for archive in of:
        for path, files in archive.brings.items():
            total[path] = files if files == 1 else total.get(path, 0) + files
    return total


def folders(source: Source, root: Path) -> list[Finding]:
    """For every archive, which of the files that it brings are not there."""
    total, found = expected(source, source.archives), []
    for archive in source.archives:
        have = {path: count(place(source, root, path)) for path in archive.brings}
        short = {path: n for path, n in have.items() if n < total[path]}
        lacks = ", ".join(path if total[path] == 1 else f"{path} ({n} of {total[path]})" for path, n in short.items())
        if not short:
            found.append(Finding("ok", f"{archive.name}: all that it brings is there"))
        elif any(have.values()):
            found.append(Finding("differs", f"{archive.name}: the official set has more: {lacks}"))
        else:
            found.append(Finding("missing", f"{archive.name}: none of it is there: {lacks}"))
    return found


def published(source: Source, root: Path, memory: Memory) -> list[Finding]:
    """The archives that still lie in `root`, against their checksums."""
    found = []
    for archive in source.archives:
        path = root / archive.name
        if path.is_file():
            good = intact(archive, path, memory)
            text = "size and checksum as published" if good else "not the published file; delete it and fetch it again"
            found.append(Finding("ok" if good else "broken", f"{path}: {text}"))
    return found


def intact(archive: Archive, path: Path, memory: Memory) -> bool:
    """Whether the file is the published one; an unchanged file is read once only."""
    found = path.stat()
    if found.st_size != archive.size:
        return False
    stamp = {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
    known = memory.known().get(archive.name, {})
    if any(known.get(key) != value for key, value in stamp.items()):
        say(f"checksum of {path}")
        memory.note(archive.name, **stamp, sha256=checksum(path))
    return memory.known()[archive.name].get("sha256") == archive.sha256


def counts(source: Source | None, name: str, split: str, index: Index) -> list[Finding]:
    """Images and boxes of a split such as 2007_trainval+2012_trainval, against the official numbers where public."""
    dropped = sum(n for rule, n in index.counters.items() if rule not in NOT_DROPPED)
    have = {"images": len(index), "boxes": len(index.labels) + dropped}
    official = {"images": source.images, "boxes": source.boxes} if source else {"images": {}, "boxes": {}}
    found = []
    for what, n in have.items():
        parts = [official[what].get(part) for part in split.split("+")]
        total = None if None in parts else sum(parts)
        said = "" if total is None else ", as published" if total == n else f", {total} in the official set"
        found.append(Finding("ok" if total in (None, n) else "differs", f"{name} = {split}: {n} {what}{said}"))
    return found


def bring(source: Source, root: Path, memory: Memory) -> None:
    """Fetches and unpacks every archive whose files are not all there. Raises UserError."""
    bad = {Path(path) for paths in memory.listed().values() for path in paths}
    for archive in source.archives:
        if not archive.urls or _present(source, archive, root, memory, bad):
            continue
        path = root / archive.name
        if not path.is_file() or not intact(archive, path, memory):
            part = root / f"{archive.name}.part"
            left = archive.size - (part.stat().st_size if part.is_file() else 0)
            room(root, left + archive.size, f"fetch and unpack {archive.name}")  # unpacked: no less than packed
            say(f"fetch {archive.name}, {left / 1e9:.2f} GB, from {archive.urls[0]}")
            fetch(archive, root)
        say(f"unpacked {unpack(path, root, bad)} files of {path}")
        memory.note(archive.name, unpacked=True)


def _present(source: Source, archive: Archive, root: Path, memory: Memory, bad: set[Path]) -> bool:
    """Whether nothing of the archive is missing or bad."""
    done = tuple(a for a in source.archives if memory.known().get(a.name, {}).get("unpacked") is True)
    wanted = expected(source, done if archive in done else source.archives)
    lie = {path: place(source, root, path) for path in archive.brings}
    spoilt = any(path.is_relative_to(folder) for folder in lie.values() for path in bad)
    return not spoilt and all(count(folder) >= wanted[path] for path, folder in lie.items())


def fetchable_into(name: str, source: Source | None, root: Path) -> None:
    """UserError where `--download` cannot bring this set here, with what a person does instead."""
    if source is None:
        raise UserError(f"'{name}' has no public source that is known here: --download fetches voc and coco only.")
    if not source.fetchable:
        raise UserError(
            f"'{name}' is not fetched by a program: get it at {source.page} (licence: {source.licence}) "
            f"and lay it out below --data-root as {source.layout}."
        )
    if not applies(source, root):
        raise UserError(
            f"{root} holds {source.single}, so it is not the official set: --download takes another folder."
        )
    inner = (place(source, root, path) for archive in source.archives for path in archive.brings)
    if source.top and not (root / source.top).is_dir() and (root.name == source.top or any(p.exists() for p in inner)):
        raise UserError(f"--download makes {source.top} itself: give the parent of {source.top} as --data-root.")

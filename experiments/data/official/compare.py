"""Compares what is on disk with what the publisher offers: archives, folders, counts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.data.classes import match_classes
from experiments.data.index import Index
from experiments.data.official.archives import check_disk, unpack
from experiments.data.official.download import checksum, fetch
from experiments.data.official.memory import Memory
from experiments.data.official.sources import Archive, PublicSource
from experiments.runtime.console import say
from experiments.runtime.errors import UserError

DROPPED = ("no_area", "outside", "other_class")  # counters of the index that say how many boxes were left out


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    kind: Literal["ok", "note", "warning", "differs", "missing", "broken"]
    text: str


def is_official(source: PublicSource, root: Path) -> bool:
    """Whether `root` should hold the official dataset, not just data in its layout."""
    return not (source.single and (root / source.single).exists())


def path_on_disk(source: PublicSource, root: Path, path: str) -> Path:
    """Of a path of an archive: `root` may be the archives' top folder itself."""
    inner = source.top and not (root / source.top).is_dir() and path.startswith(f"{source.top}/")
    return root / (path.removeprefix(f"{source.top}/") if inner else path)


def count_files(path: Path) -> int:
    """Files below a folder, without hidden ones; 1 for a file, 0 where there is nothing."""
    if path.is_file():
        return 1
    return sum(not name.startswith(".") for _, _, files in os.walk(path) for name in files)


def expected_files(archives: tuple[Archive, ...]) -> dict[str, int]:
    """Path -> files that these archives bring there."""
    total: dict[str, int] = {}
    for archive in archives:
        for path, files in archive.brings.items():
            total[path] = files if files == 1 else total.get(path, 0) + files
    return total


def folders(source: PublicSource, root: Path) -> list[Finding]:
    """For every archive, which of the files that it brings are not there."""
    total, findings = expected_files(source.archives), []
    for archive in source.archives:
        have = {path: count_files(path_on_disk(source, root, path)) for path in archive.brings}
        short = {path: n for path, n in have.items() if n < total[path]}
        lacks = ", ".join(path if total[path] == 1 else f"{path} ({n} of {total[path]})" for path, n in short.items())
        if not short:
            findings.append(Finding("ok", f"{archive.name}: all that it brings is there"))
        elif any(have.values()):
            findings.append(Finding("differs", f"{archive.name}: the official dataset has more: {lacks}"))
        else:
            findings.append(Finding("missing", f"{archive.name}: none of it is there: {lacks}"))
    return findings


def archives(source: PublicSource, root: Path, memory: Memory) -> list[Finding]:
    """The archives that are still in `root`, against their checksums."""
    findings = []
    for archive in source.archives:
        path = root / archive.name
        if path.is_file():
            good = is_intact(archive, path, memory)
            text = "size and checksum as published" if good else "not the published file; delete it and fetch it again"
            findings.append(Finding("ok" if good else "broken", f"{path}: {text}"))
    return findings


def is_intact(archive: Archive, path: Path, memory: Memory) -> bool:
    """Whether the file is the published one; an unchanged file is read once only."""
    stat = path.stat()
    if stat.st_size != archive.size:
        return False
    stamp = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    note = memory.known_archives().get(archive.name, {})
    if any(note.get(key) != value for key, value in stamp.items()):
        say(f"checksum of {path}")
        memory.note(archive.name, **stamp, sha256=checksum(path))
    return memory.known_archives()[archive.name].get("sha256") == archive.sha256


def counts(source: PublicSource | None, name: str, split: str, index: Index) -> list[Finding]:
    """Images and boxes of a split such as 2007_trainval+2012_trainval, against the official numbers where public."""
    dropped = sum(n for rule, n in index.counters.items() if rule in DROPPED)
    have = {"images": len(index), "boxes": len(index.labels) + dropped}
    official = {"images": source.images, "boxes": source.boxes} if source else {"images": {}, "boxes": {}}
    findings = []
    for unit, n in have.items():
        by_year = [official[unit].get(year) for year in split.split("+")]
        total = None if None in by_year else sum(by_year)
        remark = "" if total is None else ", as published" if total == n else f", {total} in the official dataset"
        findings.append(Finding("ok" if total in (None, n) else "differs", f"{name} = {split}: {n} {unit}{remark}"))
    return findings


def classes(indices: list[Index]) -> list[Finding]:
    """Whether the classes of train and val can be matched, where both were read."""
    try:
        notes = [match_classes(*indices)[1]] if len(indices) == 2 else []
    except UserError as error:
        return [Finding("broken", str(error))]
    return [Finding("ok", note) for note in notes if note]


def fetch_missing(source: PublicSource, root: Path, memory: Memory) -> None:
    """Fetches and unpacks every archive whose files are not all there. Raises UserError."""
    bad = {Path(path) for paths in memory.listed().values() for path in paths}
    for archive in source.archives:
        if not archive.urls or _present(source, archive, root, memory, bad):
            continue
        path = root / archive.name
        if not path.is_file() or not is_intact(archive, path, memory):
            partial = root / f"{archive.name}.part"
            missing = archive.size - (partial.stat().st_size if partial.is_file() else 0)
            # Unpacked files take no less than the archive.
            check_disk(root, missing + archive.size, f"fetch and unpack {archive.name}")
            say(f"fetch {archive.name}, {missing / 1e9:.2f} GB, from {archive.urls[0]}")
            fetch(archive, root)
        say(f"unpacked {unpack(path, root, bad)} files of {path}")
        memory.note(archive.name, unpacked=True)


def _present(source: PublicSource, archive: Archive, root: Path, memory: Memory, bad: set[Path]) -> bool:
    """Whether nothing of the archive is missing or bad."""
    notes = memory.known_archives()
    done = tuple(a for a in source.archives if notes.get(a.name, {}).get("unpacked") is True)
    expected = expected_files(done if archive in done else source.archives)
    on_disk = {path: path_on_disk(source, root, path) for path in archive.brings}
    damaged = any(path.is_relative_to(folder) for folder in on_disk.values() for path in bad)
    return not damaged and all(count_files(folder) >= expected[path] for path, folder in on_disk.items())


def check_fetchable(name: str, source: PublicSource | None, root: Path) -> None:
    """UserError where `--download` cannot fetch this dataset here, with what a person does instead."""
    if source is None:
        raise UserError(f"'{name}' has no public source that is known here: --download fetches voc and coco only.")
    if not source.fetchable:
        raise UserError(
            f"'{name}' is not fetched by a program: get it at {source.page} (licence: {source.licence}) "
            f"and lay it out below --data-root as {source.layout}."
        )
    if not is_official(source, root):
        raise UserError(
            f"{root} holds {source.single}, so it is not the official dataset: --download takes another folder."
        )
    inner = (path_on_disk(source, root, path) for archive in source.archives for path in archive.brings)
    if source.top and not (root / source.top).is_dir() and (root.name == source.top or any(p.exists() for p in inner)):
        raise UserError(f"--download makes {source.top} itself: give the parent of {source.top} as --data-root.")

"""Indexes on disk: a dataset is read once, and memory-mapped from then on.

An entry is found by where the data lies, what was asked of it, and size and time of its files; inside stands a hash of
what it holds, and what each image file was. What does not fit is read again. Safe to delete at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.data.image_files import ImageFiles, image_files
from experiments.data.index import OPTIONAL, Index
from experiments.data.packed_paths import Paths
from experiments.runtime.console import say

VERSION = 4  # of what readers and clean-up make of a file: raise it when they change
REMEDY = "Set ASSIGNBENCH_CACHE to a folder that has room."
COLUMNS = ("image_ids", "sizes", "offsets", "boxes", "labels", "ignore")
FILE_COLUMNS = ("bytes", "times", "hashes")


def folder() -> Path | None:
    """$ASSIGNBENCH_CACHE, or ~/.cache/assignbench; None for a user without a home, as containers have."""
    try:
        return Path(os.environ.get("ASSIGNBENCH_CACHE") or Path.home() / ".cache" / "assignbench")
    except RuntimeError:  # pathlib's, for a user that the system does not know
        return None


def cached(key: tuple, root: Path, sources: list[Path], read: Callable[[], Index]) -> Index:
    """What `read` gives, with its files, from the cache if nothing changed. key: all else that its result depends on.

    Where the cache cannot be written, one line says so and the set is read as if there were none.
    """
    base = folder()
    if base is None:
        say(f"The index is not cached: this user has no home folder. {REMEDY}")
        index = read()
        return replace(index, files=image_files(index.paths))
    entry = _entry(base, key, root, sources)
    index = _open(entry, root)
    if index is not None and index.files.now(index.paths) is index.files:
        return index
    with _locked(entry.parent) as free:
        index = _open(entry, root)  # another process may have been faster
        files = None if index is None else index.files.now(index.paths)
        if files is None:
            if index is not None:
                say(f"{root}: images changed since it was last read: it counts as another dataset, with its own runs.")
            index = read()
            index = replace(index, files=image_files(index.paths))
        elif files is index.files:
            return index
        else:  # a copy
            index = replace(index, files=files)
        if free and entry.name == _stamp(sources):  # no file changed while it was read
            return _kept(entry, index, root)
        return index


def keep(key: tuple, root: Path, sources: list[Path], index: Index) -> None:
    """Writes what is now known of the index into its entry."""
    base = folder()
    if base is None:
        return
    entry = _entry(base, key, root, sources)
    with _locked(entry.parent) as free:
        if free:
            _kept(entry, index, root)


def _entry(base: Path, key: tuple, root: Path, sources: list[Path]) -> Path:
    return base / f"index-{_hash([VERSION, *key, str(root.resolve())])}" / _stamp(sources)


def _kept(entry: Path, index: Index, root: Path) -> Index:
    """The index, from its new entry where that could be written."""
    try:
        _write(entry, index)
    except OSError as error:
        _uncached(error)
    reopened = _open(entry, root)
    return index if reopened is None else replace(reopened, reading=index.reading)


def _hash(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:24]


def _stamp(sources: list[Path]) -> str:
    """Hash of the name, size and time of the files; a file that is missing is left to the reader."""
    rows = []
    for path in sources:
        try:
            stat = path.stat()
            rows.append((str(path), stat.st_size, stat.st_mtime_ns))
        except OSError:
            rows.append((str(path), -1, -1))
    return _hash(rows)


@contextmanager
def _locked(place: Path) -> Iterator[bool]:
    """Holds the folder, one process after the other; False where it cannot be made or locked."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        file = (place / "lock").open("w")
        fcntl.lockf(file, fcntl.LOCK_EX)
    except OSError as error:
        _uncached(error)
        yield False
        return
    with file:
        yield True


def _uncached(error: OSError) -> None:
    say(f"The index is not cached: {folder()}: {error.strerror}. {REMEDY}")


def _write(entry: Path, index: Index) -> None:
    """The whole entry or none; others of the same dataset are dropped (who has them open keeps them)."""
    for old in entry.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=entry.parent))
    try:
        columns = {name: getattr(index, name) for name in COLUMNS}
        columns |= {"path_bytes": index.paths.buffer, "path_offsets": index.paths.offsets}
        columns |= {name: getattr(index, name) for name in OPTIONAL if getattr(index, name) is not None}
        columns |= {f"file_{name}": getattr(index.files, name) for name in FILE_COLUMNS}
        for name, column in columns.items():
            np.save(partial / f"{name}.npy", column, allow_pickle=False)
        about = {
            "name": index.name,
            "classes": list(index.classes),
            "counters": index.counters,
            "digest": index.digest(),
            "sums": {name: _sum(column) for name, column in columns.items()},
        }
        text = json.dumps(about)
        (partial / "about.json").write_text(json.dumps({"hash": _hash(about), "about": text}), encoding="utf-8")
        partial.rename(entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sum(column: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(column).reshape(-1).view(np.uint8))


def _open(entry: Path, root: Path) -> Index | None:
    """None for an entry that is not there or is damaged."""
    try:
        written = json.loads((entry / "about.json").read_text(encoding="utf-8"))
        about = json.loads(written["about"])
        if _hash(about) != written["hash"]:
            return None
        columns = {name: _map(entry / f"{name}.npy", total) for name, total in about["sums"].items()}
        paths = Paths(columns.pop("path_bytes"), columns.pop("path_offsets"), str(root))
        files = ImageFiles(*(columns.pop(f"file_{name}") for name in FILE_COLUMNS))
        notes = {"counters": about["counters"], "hashed": about["digest"], "files": files}
        return Index(about["name"], tuple(about["classes"]), paths, **notes, **columns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None


def _map(path: Path, total: int) -> np.ndarray:
    """A column, on disk until it is read. Copy on write: whoever writes, by mistake, writes into memory of its own."""
    try:
        column = np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
    except ValueError:  # no bytes, nothing to map
        column = np.load(path, allow_pickle=False)
    if _sum(column) != total:
        raise ValueError(path)
    return column

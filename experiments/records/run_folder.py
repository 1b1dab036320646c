"""The run folder: its files, written so that a crash never leaves half a one. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl")  # of every `done`

NO_EFFECT = {  # fields of a recipe that change no result: not in a run's hash, nor in what runs must share
    "data": ("workers", "root"),
    "schedule": ("checkpoint_every", "evaluations"),
    "test": ("evaluator",),
}


class RecordError(Exception):
    """Says which record cannot be read, and why."""


@dataclass(frozen=True)
class RunFolder:
    """One run: `run.json` first, `done` last; on the way the figures, the state, the detections."""

    path: Path

    run = property(lambda self: self.path / "run.json")
    metrics = property(lambda self: self.path / "metrics.jsonl")
    curve = property(lambda self: self.path / "curve.json")
    checkpoint = property(lambda self: self.path / "checkpoint.pt")
    previous = property(lambda self: self.path / "checkpoint.previous.pt")
    broken = property(lambda self: self.path / "nonfinite.pt")
    lock = property(lambda self: self.path / "lock")
    detections = property(lambda self: self.path / "detections.npz")
    matches = property(lambda self: self.path / "matches.npz")
    done = property(lambda self: self.path / "done")
    failed = property(lambda self: self.path / "failed")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder and holds it; RecordError where a living process has it. A dead one's lock is void.

        The system drops a POSIX lock with its process, and no child (a loader worker) inherits it. On NFS the server
        holds it for all hosts, and drops a dead host's with its lease. OSError (ENOLCK) where a disk has no locks.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with self.lock.open("a+", encoding="utf-8") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # EAGAIN and EACCES: held
                file.seek(0)
                owner = file.read(200).strip() or "another process"
                raise RecordError(f"{self.path} is in use by {owner}. Wait for it, or stop it.") from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            yield

    def tidy(self) -> None:
        """Drops what a killed process left half written."""
        for path in self.path.glob("*.partial"):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Starts over."""
        # `done` first: killed half way, the run is unfinished and not a finished one without files.
        for path in (
            self.done,
            self.matches,
            self.detections,
            self.checkpoint,
            self.previous,
            self.metrics,
            self.curve,
            self.broken,
            self.failed,
        ):
            path.unlink(missing_ok=True)

    def write_run(self, record: dict) -> None:
        write_json(self.run, record)

    def read_run(self) -> dict:
        return _read_json(self.run)

    def is_done(self) -> bool:
        return self.done.is_file()

    def write_done(self, result: dict) -> None:
        """The last file of a run: with it the run is finished."""
        write_json(self.done, result)

    def read_done(self) -> dict:
        return _read_json(self.done)

    def write_failed(self, reason: str, kind: str) -> None:
        """Why the run ended without a result. kind: own (its recipe or data), crash (of what ran it)."""
        self.path.mkdir(parents=True, exist_ok=True)
        tries = self.read_failed().get("tries", 0) + 1
        write_json(self.failed, {"reason": reason, "kind": kind, "tries": tries})

    def read_failed(self) -> dict:
        """`reason`, `kind` and `tries`; empty where nothing failed."""
        return _read_json(self.failed) if self.failed.is_file() else {}

    def append(self, rows: list[dict]) -> None:
        """Lines of metrics; a row needs an int `step`."""
        with self.metrics.open("a", encoding="utf-8", newline="\n") as file:
            file.write("".join(_dumps(row) + "\n" for row in rows))

    def read_metrics(self) -> list[dict]:
        """All whole lines; a last one without its end (killed while writing) is left out. No file: no rows."""
        try:
            lines = self.metrics.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RecordError(f"Cannot read {self.metrics}: {error.strerror}.") from None
        return [_row(line, number, self.metrics) for number, line in enumerate(lines, 1)]

    def write_curve(self, points: list[dict]) -> None:
        """Figures of the validation set on the way, each point with the `step` it stands at; the end is in `done`."""
        write_json(self.curve, {"points": points})

    def read_curve(self) -> list[dict]:
        """In the order of the steps; empty before the first."""
        if not self.curve.is_file():
            return []
        points = _read_json(self.curve).get("points")
        if not isinstance(points, list) or not all(isinstance(p, dict) and type(p.get("step")) is int for p in points):
            raise RecordError(f"Cannot read {self.curve}: it does not hold points with a step.")
        return points

    def truncate_metrics(self, step: int) -> None:
        """Drops the rows after `step`, and a torn last line: a resumed run writes them again."""
        if self.metrics.exists():
            rows = [row for row in self.read_metrics() if row["step"] <= step]
            write_atomic(self.metrics, "".join(_dumps(row) + "\n" for row in rows).encode())


def is_whole_zip(path: Path) -> bool:
    """Whether a zip matches its checksums and holds nothing compressed and nothing twice: reading it needs no more
    memory than it is long. Raises what zipfile raises for a file that is none."""
    with ZipFile(path) as file:
        entries = file.infolist()
        fits = sum(entry.file_size for entry in entries) <= path.stat().st_size
        return fits and all(entry.compress_type == ZIP_STORED for entry in entries) and file.testzip() is None


def runs_in(folder: Path) -> list[RunFolder]:
    """The run folders directly below `folder`, by name. RecordError where there is no such folder."""
    if not folder.is_dir():
        raise RecordError(f"There is no folder {folder}.")
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/run.json"))]


def hash_of(obj: object) -> str:
    """Twelve hexadecimal digits of the content; the order of keys does not matter, tuples equal lists."""
    text = json.dumps(obj, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_json(path: Path, obj: object) -> None:
    """Replaces the file whole or not at all; NaN and infinity become null."""
    write_atomic(path, (_dumps(obj, indent=1) + "\n").encode())


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces the file whole or not at all, also when the power fails."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` at the end; what was there moves to `previous`, if named.

    After an error or a crash the old file is whole, under its own name or the other.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous and path.exists():
            os.replace(path, previous)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name is on disk only with its folder
    finally:
        os.close(folder)


def _dumps(obj: object, indent: int | None = None) -> str:
    return json.dumps(_finite(obj), allow_nan=False, indent=indent)


def _finite(obj: object) -> object:
    """JSON has no NaN."""
    if isinstance(obj, dict):
        return {key: _finite(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [_finite(value) for value in obj]
    return None if isinstance(obj, float) and not math.isfinite(obj) else obj


def _int(digits: str) -> int:
    """None of ours is longer, and no column of a table holds more."""
    if not -(2**63) <= (value := int(digits)) < 2**63:
        raise ValueError(f"a number of {len(digits)} digits")
    return value


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_bytes(), parse_int=_int)
    except OSError as error:
        raise RecordError(f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # bad JSON or bad UTF-8, or a thousand brackets
        raise RecordError(f"Cannot read {path}: {error}.") from None
    if not isinstance(value, dict):
        raise RecordError(f"Cannot read {path}: it holds a {type(value).__name__} where keys and values belong.")
    return value


def _row(line: bytes, number: int, path: Path) -> dict:
    try:
        row = json.loads(line, parse_int=_int)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"Cannot read line {number} of {path}: {error}.") from None
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        raise RecordError(f"Cannot read line {number} of {path}: it is not a row with a step.")
    return row

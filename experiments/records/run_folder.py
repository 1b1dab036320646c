"""The run folder: its files, written so that a crash never leaves half a one."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from experiments.records.files import RecordError, dumps, parse, read_record, write_atomic, write_record
from experiments.records.schema import SIZE_METRICS, Curve, CurvePoint, Failure, Result, RunRecord, StepRow
from experiments.records.table_schema import TableRecord

AGAIN = "Make the run again: its command with --force."
AGAIN_TABLE = "Make it again: run.py --tables."


@dataclass(frozen=True)
class RunFolder:
    """One run: `run.json` first, `done` last; between them the metrics, the state, the detections and their picture."""

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
    matches_by_size = property(lambda self: {name: self.path / f"matches.{name}.npz" for name in SIZE_METRICS})
    sheet = property(lambda self: self.path / "sheet.jpg")
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
        """Drops all results and states, so that the run starts over."""
        # `done` first: killed half way, the run is unfinished and not a finished one without files.
        results = (self.done, self.matches, *self.matches_by_size.values(), self.detections, self.sheet)
        states = (self.checkpoint, self.previous, self.metrics, self.curve, self.broken, self.failed)
        for path in (*results, *states):
            path.unlink(missing_ok=True)

    def write_run(self, record: RunRecord) -> None:
        write_record(self.run, record)

    def read_run(self) -> RunRecord:
        return read_record(self.run, RunRecord, AGAIN)

    def is_done(self) -> bool:
        return self.done.is_file()

    def write_result(self, result: Result) -> None:
        """The last file of a run: with it the run is finished."""
        write_record(self.done, result)

    def read_result(self) -> Result:
        return read_record(self.done, Result, AGAIN)

    def write_failed(self, reason: str, kind: str) -> None:
        """kind: permanent or transient, see Failure. Counts the tries."""
        self.path.mkdir(parents=True, exist_ok=True)
        before = self.read_failed()
        write_record(self.failed, Failure(reason=reason, kind=kind, tries=1 + (before.tries if before else 0)))

    def read_failed(self) -> Failure | None:
        """None where nothing failed."""
        return read_record(self.failed, Failure, "Remove the file.") if self.failed.is_file() else None

    def append(self, rows: list[StepRow]) -> None:
        """Lines of metrics."""
        with self.metrics.open("a", encoding="utf-8", newline="\n") as file:
            file.write("".join(_line(row) for row in rows))

    def read_metrics(self) -> list[StepRow]:
        """All whole lines; a last one without its end (killed while writing) is left out. No file: no rows."""
        try:
            lines = self.metrics.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RecordError(f"Cannot read {self.metrics}: {error.strerror}.") from None
        return [_row(line, number, self.metrics) for number, line in enumerate(lines, 1)]

    def truncate_metrics(self, step: int) -> None:
        """Drops the rows after `step`, and a torn last line: a resumed run writes them again."""
        if self.metrics.exists():
            rows = [row for row in self.read_metrics() if row.step <= step]
            write_atomic(self.metrics, "".join(_line(row) for row in rows).encode())

    def write_curve(self, points: list[CurvePoint]) -> None:
        write_record(self.curve, Curve(tuple(points)))

    def read_curve(self) -> list[CurvePoint]:
        """In the order of the steps; empty before the first."""
        return list(read_record(self.curve, Curve, AGAIN).points) if self.curve.is_file() else []


def runs_in(folder: Path) -> list[RunFolder]:
    """The run folders directly below `folder`, by name. RecordError where there is no such folder."""
    if not folder.is_dir():
        raise RecordError(f"There is no folder {folder}.")
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/run.json"))]


def table_path(runs: Path, table: TableRecord) -> Path:
    """Where the record of a table lies in a folder of runs."""
    return runs / "tables" / f"{table.name}.json"


def write_table(runs: Path, table: TableRecord) -> Path:
    """The file that was written."""
    path = table_path(runs, table)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, table)
    return path


def read_table(path: Path) -> TableRecord:
    return read_record(path, TableRecord, AGAIN_TABLE)


def tables_in(runs: Path) -> list[TableRecord]:
    """All of runs/tables/, by number; none where there is no such folder. RecordError for one that cannot be read."""
    tables = [read_table(path) for path in sorted((runs / "tables").glob("*.json"))]
    return sorted(tables, key=lambda table: (table.number, table.profile, table.head != "native", table.head))


def _line(row: StepRow) -> str:
    return dumps({"step": row.step, **row.values}) + "\n"


def _row(line: bytes, number: int, path: Path) -> StepRow:
    try:
        values = parse(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"Cannot read line {number} of {path}: {error}.") from None
    if not isinstance(values, dict) or type(values.get("step")) is not int:
        raise RecordError(f"Cannot read line {number} of {path}: it is not a row with a step.")
    return StepRow(values.pop("step"), values)


def last_row(folder: RunFolder, tail: int = 4096) -> StepRow | None:
    """The last whole row of the metrics, read from the last `tail` bytes; None before the first."""
    try:
        with folder.metrics.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - tail))
            lines = file.read().split(b"\n")[:-1]
        return _row(lines[-1], len(lines), folder.metrics) if lines else None
    except (OSError, RecordError):
        return None

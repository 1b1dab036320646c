"""Files written whole or not at all, and read with a sentence for what is wrong with them."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from zipfile import ZIP_STORED, ZipFile

import msgspec

T = TypeVar("T")
FORMAT = 2  # of run.json, done and the tables: raised when an older file can no longer be read
OLD = "was written by another version of AssignBench"


class RecordError(Exception):
    """Says which record cannot be read, and why."""


def is_whole_zip(path: Path) -> bool:
    """Whether a zip matches its checksums and holds nothing compressed and nothing twice: reading it needs no more
    memory than it is long. Raises what zipfile raises for a file that is none."""
    with ZipFile(path) as file:
        entries = file.infolist()
        fits = sum(entry.file_size for entry in entries) <= path.stat().st_size
        return fits and all(entry.compress_type == ZIP_STORED for entry in entries) and file.testzip() is None


def hash_of(obj: object) -> str:
    """Twelve hexadecimal digits of the content; the order of keys does not matter, tuples equal lists."""
    text = json.dumps(obj, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_digest(path: Path) -> str:
    """Twelve hexadecimal digits of a file's content, read once until it is written again. Raises OSError."""
    stat = path.stat()
    return _digest(path.absolute(), stat.st_size, stat.st_mtime_ns)


@cache
def _digest(path: Path, size: int, written: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def write_record(path: Path, record: Any) -> None:
    """A dataclass as JSON, with its format. Replaces the file whole or not at all; NaN and infinity become null."""
    write_json(path, {"format": FORMAT} | asdict(record))


def read_record(path: Path, kind: type[T], remedy: str) -> T:
    """The dataclass that `write_record` wrote. Raises RecordError; remedy: how to make the file again, a sentence."""
    values = read_json(path)
    if values.pop("format", None) != FORMAT:
        raise RecordError(f"{path} {OLD}. {remedy}")
    try:
        return msgspec.convert(values, kind, str_keys=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise RecordError(f"Cannot read {path}: {error}. {remedy}") from None


def write_json(path: Path, obj: object) -> None:
    """Replaces the file whole or not at all; NaN and infinity become null."""
    write_atomic(path, (dumps(obj, indent=1) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file. Raises RecordError."""
    try:
        value = parse(path.read_bytes())
    except OSError as error:
        raise RecordError(f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # bad JSON or bad UTF-8, or a thousand brackets
        raise RecordError(f"Cannot read {path}: {error}.") from None
    if not isinstance(value, dict):
        raise RecordError(f"Cannot read {path}: it holds a {type(value).__name__} where keys and values belong.")
    return value


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


def dumps(obj: object, indent: int | None = None) -> str:
    """JSON text; NaN and infinity become null."""
    return json.dumps(_finite(obj), allow_nan=False, indent=indent)


def parse(text: bytes) -> Any:
    """The value of a JSON text. Raises ValueError, RecursionError."""
    return json.loads(text, parse_int=_int)


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

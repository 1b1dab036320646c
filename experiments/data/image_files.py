"""What the image files were when an index was made: size and time of each, the content of a sample or of all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from experiments.data.packed_paths import Paths
from experiments.runtime.errors import UserError

SAMPLE = 1000  # images whose content is always part of the dataset's hash
HASH_BYTES = 16  # of a hash, the first half of SHA-256
THREADS, BLOCK = 8, 4096  # a stat waits on a network disk


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """n files. Copies have other times, so a time alone makes no other file: then the content is compared."""

    bytes: np.ndarray  # (n,) int64; -1: there was no file
    times: np.ndarray  # (n,) int64, of the last change, ns
    hashes: np.ndarray  # (k, 16) uint8 of all n, or of the sample; 0: there was no file

    def check(self, i: int, file: BinaryIO, path: str) -> None:
        """UserError where the open file of image i is another one, as far as its size, time and hash tell."""
        stat = os.fstat(file.fileno())
        if (stat.st_size, stat.st_mtime_ns) == (self.bytes[i], self.times[i]):
            return
        row = self._row(i)
        if stat.st_size == self.bytes[i] and (row is None or hash_file(file) == self.hashes[row].tobytes()):
            file.seek(0)
            return
        change = f"from {self.bytes[i]} to {stat.st_size} bytes" if stat.st_size != self.bytes[i] else "its content"
        raise UserError(
            f"{path}: the image changed since its dataset was read ({change}). Put the old file back, or run "
            "run.py --check-data on the dataset: it takes the images as they are now, and runs on them count as new."
        )

    def now(self, paths: Paths) -> ImageFiles | None:
        """Itself where its sample is as it was, with new times where only those differ; None: another content."""
        rows = sample(len(self.bytes))
        size, time = _stats(paths, rows)
        off = np.flatnonzero((size != self.bytes[rows]) | (time != self.times[rows]))
        if not len(off):
            return self
        old = self.hashes[[self._row(i) for i in rows[off].tolist()]]
        if (size != self.bytes[rows]).any() or (hash_rows(paths, rows[off]) != old).any():
            return None
        size, time = _stats(paths, np.arange(len(self.bytes)))
        return replace(self, times=np.where(size == self.bytes, time, self.times))

    def only(self, images: np.ndarray, paths: Paths) -> ImageFiles:
        """Of the images at these positions; their sample is hashed anew where not all were hashed. paths: theirs."""
        every = len(self.hashes) == len(self.bytes)
        hashes = self.hashes[images] if every else hash_rows(paths, sample(len(images)))
        return ImageFiles(self.bytes[images], self.times[images], hashes)

    def same(self, other: ImageFiles) -> bool:
        """Whether both say the same of every file."""
        pairs = ((self.bytes, other.bytes), (self.times, other.times), (self.hashes, other.hashes))
        return all(np.array_equal(a, b) for a, b in pairs)

    def _row(self, i: int) -> int | None:
        """Of image i in `hashes`; None: it was not hashed."""
        n, k = len(self.bytes), len(self.hashes)
        row = -(-i * k // n)  # the first whose position is i or later
        return row if row < k and row * n // k == i else None


def image_files(paths: Paths) -> ImageFiles:
    """The files as they are, hashed as far as the sample goes."""
    size, time = _stats(paths, np.arange(len(paths)))
    return ImageFiles(size, time, hash_rows(paths, sample(len(paths))))


def sample(n: int) -> np.ndarray:
    """Positions of the images that are always hashed: all, or 1000 at equal distances."""
    k = min(n, SAMPLE)
    return np.arange(k) * n // max(k, 1)


def hash_rows(paths: Paths, rows: np.ndarray) -> np.ndarray:
    """(len(rows), 16) uint8; zeros for a file that cannot be read."""
    with ThreadPoolExecutor(THREADS) as pool:
        hashes = list(pool.map(_hash_path, (paths[i] for i in rows.tolist())))
    return packed(hashes)


def packed(hashes: Iterable[bytes]) -> np.ndarray:
    """(k, 16) uint8 of hashes."""
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, HASH_BYTES)


def hash_file(file: BinaryIO) -> bytes:
    """Of the whole content, from where the file stands."""
    return hashlib.file_digest(file, "sha256").digest()[:HASH_BYTES]


def _hash_path(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return hash_file(file)
    except OSError:  # whoever reads it will say so
        return bytes(HASH_BYTES)


def _stats(paths: Paths, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bytes and time of the files at these positions; -1 where there is none."""
    blocks = [rows[low : low + BLOCK].tolist() for low in range(0, len(rows), BLOCK)]
    with ThreadPoolExecutor(THREADS) as pool:
        columns = list(pool.map(lambda block: _stat_block(paths, block), blocks))
    both = np.concatenate([np.zeros((0, 2), np.int64), *columns])
    return both[:, 0].copy(), both[:, 1].copy()


def _stat_block(paths: Paths, rows: list[int]) -> np.ndarray:
    return np.array([_stat(paths[i]) for i in rows], np.int64).reshape(-1, 2)


def _stat(path: str) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns

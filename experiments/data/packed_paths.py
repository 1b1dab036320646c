"""The files of a dataset's images, without one Python string each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, eq=False)
class Paths:
    """n names below `root` in one utf-8 buffer; name i is buffer[offsets[i]:offsets[i + 1]], "" if synthetic."""

    buffer: np.ndarray  # (bytes,) uint8
    offsets: np.ndarray  # (n + 1,) int64
    root: str = ""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> str:
        name = self.name(i)
        return os.path.join(self.root, name) if name else ""

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def name(self, i: int) -> str:
        """Below `root`, with slashes."""
        if not 0 <= i < len(self):
            raise IndexError(i)
        return self.buffer[self.offsets[i] : self.offsets[i + 1]].tobytes().decode()

    def only(self, images: np.ndarray) -> Paths:
        """The names at these positions."""
        return replace(pack_paths(self.name(i) for i in images), root=self.root)

    def base_names(self) -> list[str]:
        """Without folders; as many strings as images, so for a moment only."""
        text, ends = self.buffer.tobytes(), self.offsets.tolist()
        return [text[a:b].rsplit(b"/", 1)[-1].decode() for a, b in pairwise(ends)]


def pack_paths(names: Iterable[str], root: str = "") -> Paths:
    """From strings. Raises UnicodeEncodeError for a lone surrogate."""
    coded = [name.encode() for name in names]
    return Paths(np.frombuffer(b"".join(coded), np.uint8), starts(np.array([len(c) for c in coded], np.int64)), root)


def join_paths(pieces: list[Paths], root: str) -> Paths:
    """One after another, below one root."""
    lengths = [np.diff(piece.offsets) for piece in pieces]
    return Paths(np.concatenate([piece.buffer for piece in pieces]), starts(np.concatenate(lengths)), root)


def starts(lengths: np.ndarray) -> np.ndarray:
    """(n,) lengths -> (n + 1,) int64 offsets."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

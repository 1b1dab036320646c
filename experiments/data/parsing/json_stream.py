"""The lists of a JSON file that is too large for memory, some thousand records at a time.

Brackets outside strings are found a block at a time; every byte then goes through a JSON parser, either in the text of
some records or in the skeleton that is left without them. So what is cut or damaged is an error, not a loss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

BLOCK = 4 * 2**20  # bytes read at a time
QUOTE, OPEN, CLOSE, CASE = 34, 0x5B, 0x5D, 0xDF  # "{" and "[" are one byte under the mask, "}" and "]" another
ANYTHING = msgspec.json.Decoder()
ESCAPE = re.compile(rb"\\.", re.DOTALL)
OPENED = re.compile(rb'"([^"\\]*)"\s*:\s*\[$')
NO_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)', re.DOTALL)  # as Python writes them, beside strings


def lists(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """(name, text) of the records in the lists of these names in the file's outermost object, in file order.

    `text` is JSON, a list of whole records; nobody has parsed it yet. Raises ValueError for a file that is no whole
    JSON or holds such a list twice, KeyError with the name of a list that is missing.
    """
    scan = _Scan(names)
    with path.open("rb") as file:
        for block in _blocks(file):
            yield from scan.take(block)
    scan.finish()


def decode(decoder: msgspec.json.Decoder, text: bytes) -> Any:
    """What `text` holds. NaN and Infinity, which no JSON has, are an error only where the decoder wants a value."""
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        plain = NO_NUMBER.sub(lambda match: match[0] if match[0].startswith(b'"') else b"{}", text)  # {}: fits no field
        if plain == text:
            raise
        return decoder.decode(plain)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Never cut between a backslash and what it escapes; without a byte order mark."""
    block = file.read(BLOCK).removeprefix(b"\xef\xbb\xbf")
    while block:
        while block.endswith(b"\\") and (more := file.read(1)):
            block += more
        yield block
        block = file.read(BLOCK)


class _Scan:
    """The state of the scan between two blocks."""

    def __init__(self, names: tuple[str, ...]):
        self.names, self.started = names, set()
        self.depth, self.in_string = 0, False
        self.skeleton = bytearray()  # the file without its records
        self.name, self.first = "", True  # of the list being read, ""
        self.pending = bytearray()  # of that list, not yet handed on

    def take(self, block: bytes) -> Iterator[tuple[str, bytes]]:
        """The whole records that end in this block."""
        offset, step, depth = self._brackets(block)  # of every bracket outside strings
        position = 0
        # A list opens at depth 2 of the outermost object and closes back at depth 1: between such edges all text
        # belongs either to the list or to the skeleton.
        edges = np.flatnonzero(np.where(step > 0, depth == 2, depth == 1))
        for edge, opens in zip(offset[edges].tolist(), (step[edges] > 0).tolist(), strict=True):
            target = self.pending if self.name else self.skeleton
            target += block[position : edge + opens]
            position = edge + opens
            if opens:
                self._open()
            elif self.name:
                yield from self._records(b"")
                self.name = ""
        # Within a list that goes beyond the block, a record ends where the depth is back at the list's.
        if self.name:
            ends = offset[(step < 0) & (depth == 2) & (offset >= position)]
            if len(ends):
                self.pending += block[position : ends[-1] + 1]
                yield from self._records(block[ends[-1] + 1 :])
                return
        target = self.pending if self.name else self.skeleton
        target += block[position:]

    def finish(self) -> None:
        """Parses the skeleton. Raises ValueError, KeyError."""
        self.skeleton += self.pending  # of a list that has no end
        outermost = decode(ANYTHING, bytes(self.skeleton))
        for name in self.names:
            if not isinstance(outermost, dict) or not isinstance(outermost.get(name), list):
                raise KeyError(name)

    def _brackets(self, block: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, +1 or -1, and the depth after it, of every bracket outside strings."""
        text = np.frombuffer(ESCAPE.sub(b"__", block) if b"\\" in block else block, np.uint8)
        quotes = np.cumsum(text == QUOTE, dtype=np.uint8) + np.uint8(self.in_string)  # odd: in a string
        folded = text & CASE
        offset = np.flatnonzero((folded == OPEN) | (folded == CLOSE))
        offset = offset[quotes[offset] & 1 == 0]
        step = np.where(folded[offset] == OPEN, 1, -1)
        depth = self.depth + np.cumsum(step)
        self.in_string = bool(quotes[-1] & 1)
        self.depth = int(depth[-1]) if len(depth) else self.depth
        return offset, step, depth

    def _open(self) -> None:
        """Something opened in the outermost object: is it one of the lists?"""
        match = OPENED.search(self.skeleton, max(0, len(self.skeleton) - 200))
        name = match[1].decode(errors="replace") if match else ""
        if name in self.started:
            raise ValueError(f"it holds the list '{name}' twice")
        if name in self.names:
            self.started.add(name)
            self.name, self.first = name, True

    def _records(self, remainder: bytes) -> Iterator[tuple[str, bytes]]:
        """The pending text as a list; `remainder` is pending from now on."""
        text = bytes(self.pending).strip()
        self.pending = bytearray(remainder)
        if not self.first and text:
            if not text.startswith(b",") or len(text) == 1:
                raise ValueError(f"a comma is missing or misplaced in the list '{self.name}'")
            text = text[1:]
        if text:
            self.first = False
            yield self.name, b"[" + text + b"]"

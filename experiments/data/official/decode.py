"""Decodes and hashes image files in several processes, and only those that changed since they last decoded."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from io import BytesIO

import torch
from tqdm import tqdm

from experiments.data.official.memory import ImageState, Memory
from experiments.data.pixels import Reading, read_header, read_pixels
from experiments.runtime.errors import UserError
from experiments.runtime.signals import obey_parent

SHARE = 64  # images a process takes at once
SAVE_EVERY = 20_000  # images: what a killed check must do again


def decode_all(paths: list[str], memory: Memory, workers: int, reading: Reading) -> tuple[dict[str, ImageState], int]:
    """The state of every file, and how many were decoded for it; the memory is kept up to date on the way.

    Ctrl-C leaves with what is known so far kept. Raises UserError where a process dies.
    """
    states = memory.states()
    todo = [path for path in paths if path not in states or _changed(path, states[path], reading)]
    try:
        with _mapped(todo, workers, reading) as decoded:
            for n, (path, state) in enumerate(zip(todo, _counted(decoded, len(todo)), strict=True), 1):
                states[path] = state
                if n % SAVE_EVERY == 0:
                    memory.keep(states)
    except BrokenProcessPool:
        raise UserError(
            "A decoding process died, perhaps for lack of memory. What was checked is kept: "
            "run the check again with --workers 1."
        ) from None
    finally:
        current = set(paths)
        kept = {path: state for path, state in states.items() if path in current}
        if todo or len(kept) < len(states):
            memory.keep(kept)
        else:
            memory.list_bad(kept)
        states = kept
    return states, len(todo)


def _changed(path: str, state: ImageState, reading: Reading) -> bool:
    """Whether to decode again: what is bad may have been repaired under the same size and time, or is allowed now."""
    try:
        stat = os.stat(path)
    except OSError:
        return True
    allowed = state.height * state.width <= reading.max_pixels
    return not (state.good and allowed) or (stat.st_size, stat.st_mtime_ns) != (state.bytes, state.mtime_ns)


@contextmanager
def _mapped(paths: list[str], workers: int, reading: Reading) -> Iterator[Iterable[ImageState]]:
    """In this process where there is one share of work: starting others takes longer."""
    read = partial(state_of, reading=reading)
    if workers == 1 or len(paths) <= SHARE:
        yield map(read, paths)
        return
    pool = ProcessPoolExecutor(workers, initializer=_begin)  # started as the loader's workers are
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: a Ctrl-C is for this process alone
    try:
        states = pool.map(read, paths, chunksize=SHARE)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield states
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    obey_parent(0)
    torch.set_num_threads(1)


def _counted(states: Iterable[ImageState], total: int) -> Iterable[ImageState]:
    return tqdm(states, desc="decode", total=total, disable=not sys.stderr.isatty(), dynamic_ncols=True)


def state_of(path: str, reading: Reading) -> ImageState:
    """Hashes one file, and decodes it as training does."""
    try:
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        return ImageState(0, 0, 0, 0, 1, "", f"{path}: {error.strerror}.")
    known = (stat.st_size, stat.st_mtime_ns)
    sha256, copy = hashlib.sha256(data).hexdigest(), BytesIO(data)
    try:
        header = read_header(copy, path)
        read_pixels(copy, path, reading)
    except UserError as error:
        return ImageState(*known, 0, 0, 1, sha256, str(error))
    return ImageState(*known, header.height, header.width, header.orientation, sha256, "")

"""Decodes image files in several processes, and only those that changed since they were last found good."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import torch
from tqdm import tqdm

from experiments.data.index import BadImage, decode
from experiments.data.official.download import checksum
from experiments.data.official.memory import Look, Memory
from experiments.runtime.errors import UserError
from experiments.runtime.signals import obey_parent

SHARE = 64  # images a process takes at once
SAVE_EVERY = 20_000  # images: what a killed check must do again


def examine(paths: list[str], memory: Memory, workers: int) -> tuple[dict[str, Look], int]:
    """What is found in every file, and how many were decoded for it; the memory is kept up to date on the way.

    Ctrl-C leaves with what was found so far kept. Raises UserError where a process dies.
    """
    looks = memory.looks()
    todo = [path for path in paths if path not in looks or _changed(path, looks[path])]
    try:
        with _mapped(todo, workers) as found:
            for n, (path, look) in enumerate(zip(todo, _counted(found, len(todo)), strict=True), 1):
                looks[path] = look
                if n % SAVE_EVERY == 0:
                    memory.keep(looks)
    except BrokenProcessPool:
        raise UserError(
            "A decoding process died, perhaps for lack of memory. What was checked is kept: go on with --workers 1."
        ) from None
    finally:
        wanted = set(paths)
        looks = {path: look for path, look in looks.items() if path in wanted}
        memory.keep(looks)
    return looks, len(todo)


def _changed(path: str, look: Look) -> bool:
    """Whether to look again: what is bad may have been mended under the same size and time."""
    try:
        found = os.stat(path)
    except OSError:
        return True
    return not look.good or (found.st_size, found.st_mtime_ns) != (look.bytes, look.mtime_ns)


@contextmanager
def _mapped(paths: list[str], workers: int) -> Iterator[Iterable[Look]]:
    """In this process where one share is all there is: starting others takes longer."""
    if workers == 1 or len(paths) <= SHARE:
        yield map(look, paths)
        return
    pool = ProcessPoolExecutor(workers, initializer=_begin)  # started as the loader's workers are
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: a Ctrl-C is for this process alone
    try:
        found = pool.map(look, paths, chunksize=SHARE)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield found
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    obey_parent(0)
    torch.set_num_threads(1)


def _counted(looks: Iterable[Look], total: int) -> Iterable[Look]:
    return tqdm(looks, desc="decode", total=total, disable=not sys.stderr.isatty(), dynamic_ncols=True)


def look(path: str) -> Look:
    """Decodes one file, as training does."""
    try:
        found = os.stat(path)
        sides = decode(path).shape[1:]
        return Look(found.st_size, found.st_mtime_ns, *sides, "", "")
    except BadImage as error:
        return Look(found.st_size, found.st_mtime_ns, 0, 0, _checksum(path), str(error))
    except OSError as error:
        return Look(0, 0, 0, 0, "", f"{path}: {error.strerror}.")


def _checksum(path: str) -> str:
    try:
        return checksum(path)
    except OSError:
        return ""

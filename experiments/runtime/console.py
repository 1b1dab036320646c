"""What a person sees of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

from tqdm import tqdm


class Progress:
    """Counts steps on stderr, followed by the newest figures."""

    def __init__(self, total: int, start: int, name: str, every: int = 1, silent: bool = False):
        self.live, self.silent = sys.stderr.isatty() and not silent, silent
        self.total, self.name, self.every = total, name, every
        self.bar = tqdm(total=total, initial=start, desc=name, disable=not self.live, dynamic_ncols=True)

    def show(self, step: int, figures: dict[str, float], left_s: float) -> None:
        """`step` steps are done; figures by name; seconds left."""
        text = " ".join(f"{name} {value:.3g}" for name, value in figures.items())
        if self.live:
            with ignore_broken_pipe(sys.stderr):
                self.bar.set_postfix_str(text)
                self.bar.update(step - self.bar.n)
        elif not self.silent and (step % self.every == 0 or step == self.total):
            with ignore_broken_pipe(sys.stderr):
                print(f"{self.name} {step}/{self.total} {text} left {clock(left_s)}", file=sys.stderr, flush=True)

    def close(self) -> None:
        self.bar.close()


def counted(batches: Iterable, name: str) -> Iterable:
    """The batches, counted on a terminal."""
    return tqdm(batches, desc=name, disable=not sys.stderr.isatty(), dynamic_ncols=True, leave=False)


def say(line: str) -> None:
    """One line for the person who typed the command, above a bar if there is one."""
    with ignore_broken_pipe(sys.stderr):
        tqdm.write(line, file=sys.stderr)
        sys.stderr.flush()


@contextmanager
def ignore_broken_pipe(stream: TextIO) -> Iterator[None]:
    """A reader that has gone (`| head -1`, a closed terminal) does not end a run: its output is dropped."""
    try:
        yield
    except OSError:
        redirect_to_devnull(stream)


def redirect_to_devnull(stream: TextIO) -> None:
    """Its reader has gone; what is buffered would fail again at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def replace_closed_streams() -> None:
    """Streams that were closed before the start go nowhere; a file of ours must not get their numbers."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def print_anything() -> None:
    """A terminal without a letter (ASCII, of cron and old CI) gets its number: a folder's name ends no run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03 or 2:03."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"

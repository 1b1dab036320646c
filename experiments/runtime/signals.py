"""Signals: the first asks for a stop at the end of the step, one that comes later ends the process at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread, Timer
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODE = 75  # EX_TEMPFAIL: run the same command again
IMPORTED = 0.05  # seconds until a signal that came in an import comes again
ECHO = 1.0  # seconds in which a second signal is the first one again: torchrun passes on what the whole group got


class Preempted(Exception):
    """The run was asked to stop, and its state is on disk."""


class Stop:
    """Whether somebody asked for a stop."""

    requested = False


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Main thread only, as Python's signals are."""
    stop, since = Stop(), 0.0

    def ask(number: int, _) -> None:
        nonlocal since
        if not stop.requested:
            stop.requested, since = True, time.monotonic()
        elif time.monotonic() - since > ECHO:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    with _handled(ask):
        yield stop


@contextmanager
def leave_on_signal() -> Iterator[None]:
    """Where no step is under way, a signal raises KeyboardInterrupt, once no import is: a library that is interrupted
    there hides the exception and continues with half of itself."""

    def leave(number: int, frame: FrameType | None) -> None:
        if not _importing(frame):
            raise KeyboardInterrupt
        again = Timer(IMPORTED, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    with _handled(leave):
        yield


def _importing(frame: FrameType | None) -> bool:
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


@contextmanager
def _handled(act: Callable) -> Iterator[None]:
    """What is ignored stays so: SIGHUP under nohup, SIGINT in the background of a script."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, act)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def obey_parent(_: int) -> None:
    """For a loader worker: what stops a whole process group lets its parent finish the step; the parent stops it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    Thread(target=_exit_when_the_parent_says, args=(os.getppid(),), daemon=True).start()


def _exit_when_the_parent_says(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)

"""Signals: the first asks for a stop at the end of the step, a second one leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 75  # EX_TEMPFAIL: run the same line again


class Preempted(Exception):
    """The run was asked to stop, and its state is on disk."""


class Stop:
    """Whether somebody asked for a stop."""

    requested = False


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Main thread only, as Python's signals are."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def ask(number: int, _) -> None:
        stop.requested = True
        for other in SIGNALS:
            signal.signal(other, signal.SIG_DFL)

    try:
        for number in SIGNALS:
            signal.signal(number, ask)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def obey_parent(_: int) -> None:
    """For a loader worker: what stops a whole process group lets its parent finish the step; the parent stops it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    Thread(target=_leave_when_told, args=(os.getppid(),), daemon=True).start()


def _leave_when_told(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)

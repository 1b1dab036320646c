"""What the commands of this package do with their streams and with errors."""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from io import TextIOWrapper

from experiments.records.files import RecordError

INTERRUPTED = 130  # as shells have it for SIGINT


def exit_code(act: Callable[[], None], failing: str, target: object) -> int:
    """0; 2 for an error, said in one sentence; failing: what an OSError spoils, as "Cannot write"."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:  # closed before the start: no file of ours must get its number
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without a letter gets its number
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        act()
        sys.stdout.flush()
    except RecordError as error:
        return _fail(str(error))
    except BrokenPipeError:  # of `| head`; what is buffered would fail again at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _fail(f"{failing} {error.filename or target}: {error.strerror or error}.")
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _fail(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2


def whole(least: int, most: int = 2**32 - 1) -> Callable[[str], int]:
    """For argparse: a whole number in a range."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:  # no number, or thousands of digits
            value = least - 1
        if not least <= value <= most:
            raise ArgumentTypeError(f"a whole number from {least} to {most}, got '{text:.40}'")
        return value

    return read

"""What every command of this package does with its streams, with errors and with signals."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from assigners.errors import AssignerError
from experiments.records.files import RecordError
from experiments.runtime.console import print_anything, redirect_to_devnull, replace_closed_streams, say
from experiments.runtime.errors import UserError, disk_sentence
from experiments.runtime.signals import EXIT_CODE, SIGNALS, Preempted, leave_on_signal

FOLDERS = ("--runs", "--data-root")
JOINED = tuple(f"{name}=" for name in FOLDERS)


def exit_code(act: Callable[[], int]) -> int:
    """Of `act`; 2 for a user's error, said in one sentence, 75 where a signal stopped it."""
    replace_closed_streams()
    print_anything()
    try:
        with leave_on_signal():
            code = act()
            sys.stdout.flush()
        return code
    except (UserError, RecordError, AssignerError) as error:
        say(f"error: {error}")
        return 2
    except BrokenPipeError:  # of `| head -1`
        redirect_to_devnull(sys.stdout)
    except OSError as error:
        say(f"error: {disk_sentence(error)}")
        return 2
    except Preempted as stopped:
        say(str(stopped))
        return EXIT_CODE
    except KeyboardInterrupt:
        say("Interrupted before the first step. Run the same command to start again.")
        return EXIT_CODE
    return 0


def end(code: int) -> NoReturn:
    """Ends the process. A signal that comes now has nothing left to stop, and would only print a traceback."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def words() -> list[str]:
    """What was typed behind the command."""
    return sys.argv[1:]


def command_typed() -> str:
    """As it can be run again."""
    return _line(words())


def command_for_records() -> str:
    """As anyone can run it again: without the folders of this machine."""
    typed = iter(words())
    return _line([w for w in typed if not (w in FOLDERS and next(typed, w)) and not w.startswith(JOINED)])


def _line(typed: list[str]) -> str:
    return shlex.join(["python", "experiments/run.py", *typed])

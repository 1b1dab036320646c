"""Commands in processes forked from one that has torch in memory: importing it takes 3 s of each that is started anew.

The server imports once for all tests of a process; what a test sets in its environment goes along with each command.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from experiments.runtime.commit import ROOT

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["experiments.training.train", "experiments.grid.worker", "tests.soak.runs"])
BEGUN: list[Command] = []


class Command:
    """As subprocess.Popen of `experiments/run.py` with these words, whose output is text in one stream."""

    def __init__(self, words: list[str]):
        number, name = tempfile.mkstemp()
        os.close(number)
        self.log = Path(name)
        self.process = CONTEXT.Process(target=_act, args=(words, dict(os.environ), self.log))
        self.process.start()
        self.pid = self.process.pid
        BEGUN.append(self)

    def poll(self) -> int | None:
        return self.process.exitcode

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("run.py", timeout)
        return self.process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Nothing, and all that was said."""
        self.wait(timeout)
        return "", self.log.read_text()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@atexit.register
def _end() -> None:
    """A failed test may leave a frozen one behind, for which multiprocessing would wait."""
    for command in BEGUN:
        command.process.kill()
        command.log.unlink(missing_ok=True)


def _act(words: list[str], env: dict[str, str], log: Path) -> None:
    from experiments.grid import workers
    from tests.soak.runs import command

    os.environ.clear()
    os.environ.update(env)
    os.chdir(ROOT)
    workers.subprocess = SimpleNamespace(Popen=Worker, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired)
    code = command(words, log)
    atexit._run_exitfuncs()  # where a loader's workers are waited for
    sys.exit(code)


class Worker:
    """As subprocess.Popen of `python -m experiments.grid.worker`, forked off the grid's own process."""

    def __init__(self, line: list[str], *, stderr, env: dict[str, str], **_):
        from experiments.grid import worker
        from tests.soak.runs import forked

        (theirs_in, ours_in), (ours_out, theirs_out) = os.pipe(), os.pipe()

        def act() -> int:
            for number, fd in enumerate((theirs_in, theirs_out, stderr.fileno())):
                os.dup2(fd, number)
            os.closerange(3, 1024)  # another worker's stdin among them, which could not end otherwise
            sys.stdin = os.fdopen(0)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.environ.update(env)
            worker.main()
            return 0

        sys.stdout.flush()
        sys.stderr.flush()
        self.returncode, self.pid = None, forked(act)
        os.close(theirs_in)
        os.close(theirs_out)
        self.stdin, self.stdout = os.fdopen(ours_in, "wb", 0), os.fdopen(ours_out, "rb", 0)

    def poll(self) -> int | None:
        return self._within(0.0)

    def wait(self, timeout: float = 600.0) -> int:
        if self._within(timeout) is None:
            raise subprocess.TimeoutExpired("worker", timeout)
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _within(self, seconds: float) -> int | None:
        from tests.soak.runs import ended

        if self.returncode is None:
            self.returncode = ended(self.pid, seconds)
        return self.returncode

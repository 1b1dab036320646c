"""Signals: the first asks for a stop, a later one ends the process; what is ignored stays ignored."""

import os
import signal
import subprocess
import sys

from experiments.runtime.commit import ROOT
from experiments.runtime.signals import ECHO, SIGNALS, stop_on_signal


def test_a_signal_that_comes_again_at_once_is_the_same_and_a_later_one_leaves():
    with stop_on_signal() as stop:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
    code = (
        "import os, signal, time; from experiments.runtime.signals import *\n"
        f"with stop_on_signal():\n os.kill(os.getpid(), 15); time.sleep({ECHO + 0.1}); os.kill(os.getpid(), 15)\n"
        " time.sleep(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -signal.SIGTERM


def test_handlers_come_back_and_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        handlers = [signal.getsignal(number) for number in SIGNALS]
        with stop_on_signal() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
        assert [signal.getsignal(number) for number in SIGNALS] == handlers
    finally:
        signal.signal(signal.SIGHUP, before)

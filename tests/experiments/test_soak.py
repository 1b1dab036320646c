"""The soak in small: random kills, and broken writes, each in a process that may fork."""

import subprocess
import sys

import pytest

from experiments.runtime.commit import ROOT


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("tests.soak.kills --kills 4 --seed 3 --only fcos", "differences: none\n"),
        ("tests.soak.writes --every 16", "wrong: none\n"),
    ],
)
def test_the_soak_in_small_has_nothing_to_say(words, end):
    """More than 15 s each: dozens of tiny runs that are broken and made again."""
    done = subprocess.run([sys.executable, "-m", *words.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith(end), done.stdout + done.stderr

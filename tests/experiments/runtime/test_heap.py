"""Freed memory stays with the process."""

import os
import subprocess
import sys

import pytest

from experiments.runtime import heap

FAULTS = """
import resource
from experiments.runtime.heap import keep_memory
done = keep_memory()
for _ in range(3):  # the first one asks for the memory
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [bytearray(2**24) for _ in range(3)]
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def answer(**settings: str) -> tuple[str, int]:
    env = {name: value for name, value in os.environ.items() if name not in heap.OWN_SETTINGS} | settings
    run = subprocess.run([sys.executable, "-c", FAULTS], check=True, env=env, capture_output=True, text=True)
    done, faults = run.stdout.split()
    return done, int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_freed_memory_is_used_again_without_a_fault():
    done, faults = answer()
    assert done == "True"
    assert faults < 100  # 12,288 pages of 4 KiB


@pytest.mark.parametrize("name", heap.OWN_SETTINGS)
def test_a_setting_of_the_user_stays(name):
    value = "glibc.malloc.mmap_threshold=65536" if name == "GLIBC_TUNABLES" else "65536"
    assert answer(**{name: value})[0] == "False"


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda name: object())
    assert not heap.keep_memory()

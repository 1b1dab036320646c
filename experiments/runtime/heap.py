"""Memory that a training process gives back to the system and asks for again: glibc's heap, no other."""

from __future__ import annotations

import ctypes
import os

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of mallopt, malloc.h
OWN_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_memory() -> bool:
    """Lets freed memory stay with the process, unless a setting of the user stands. True: done.

    A step frees all its tensors. By default the large ones go back to the system and come again as empty pages, one
    fault for every 4 KiB: a fifth of a small step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in OWN_SETTINGS):
        return False
    limits = {MMAP_THRESHOLD: 2**25, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 2**26}  # bytes; 2**25: glibc's own bound of it
    return sum(mallopt(option, value) for option, value in limits.items()) == len(limits)  # all of them are tried

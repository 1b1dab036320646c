"""python -m experiments.grid.worker: one job after the other, each a line of JSON on stdin.

Started by a Team, one process a device; importing torch takes seconds, so it stays. Without its parent it stops the
current run after the step, saves it and exits.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import torch

from experiments.grid.entries import DatasetFinder
from experiments.grid.job import Job, to_line
from experiments.grid.run_job import run_job
from experiments.runtime.processes import join_processes
from experiments.runtime.signals import Stop, stop_on_signal


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)  # what a library prints is no answer
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    lines: SimpleQueue[bytes] = SimpleQueue()
    finders: dict[str | None, DatasetFinder] = {}
    with stop_on_signal() as stop, join_processes() as world:
        Thread(target=_listen, args=(lines, stop), daemon=True).start()
        while line := lines.get():
            job = Job(**json.loads(line))
            finder = finders.setdefault(job.root, DatasetFinder(Path(job.root) if job.root else None))
            answers.write(to_line(run_job(job, finder, world, stop)))
            if stop.requested:
                return


def _listen(lines: SimpleQueue[bytes], stop: Stop) -> None:
    """Lines of stdin; at its end, by close or by the parent's death, the current run is asked to stop."""
    for line in sys.stdin.buffer:
        lines.put(line)
    stop.requested = True
    lines.put(b"")


if __name__ == "__main__":
    main()

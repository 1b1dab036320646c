"""python -m experiments.grid.worker: runs one cell after the other, each a line of JSON on stdin.

Started by a Team, one process a device; importing torch takes seconds, so it lives on. Without its parent it stops the
cell at hand after the step, saves it and leaves.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import torch

from experiments.grid import run_job
from experiments.grid.entries import Finder
from experiments.grid.job import Task, to_line
from experiments.runtime.processes import joined
from experiments.runtime.signals import Stop, stop_on_signal


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)  # what a library prints is no answer
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    tasks: SimpleQueue[bytes] = SimpleQueue()
    finders: dict[str | None, Finder] = {}
    with stop_on_signal() as stop, joined() as world:
        Thread(target=_listen, args=(tasks, stop), daemon=True).start()
        while line := tasks.get():
            task = Task(**json.loads(line))
            finder = finders.setdefault(task.root, Finder(Path(task.root) if task.root else None))
            answers.write(to_line(run_job.run(task, finder, world, stop)))
            if stop.requested:
                return


def _listen(tasks: SimpleQueue[bytes], stop: Stop) -> None:
    """Lines of stdin; at its end, by close or by the parent's death, the cell at hand is asked to stop."""
    for line in sys.stdin.buffer:
        tasks.put(line)
    stop.requested = True
    tasks.put(b"")


if __name__ == "__main__":
    main()

"""One cell, run in this process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.grid.entries import Finder
from experiments.grid.job import Outcome, Task
from experiments.recipes import recipe as recipes
from experiments.records.run_folder import RecordError
from experiments.runtime.errors import UserError
from experiments.runtime.processes import World
from experiments.runtime.signals import Preempted, Stop
from experiments.training import execute
from experiments.training.run_spec import run_id

PATIENCE = 60  # seconds that a dying process may still hold a run


def run(task: Task, finder: Finder, world: World, stop: Stop) -> Outcome:
    """Never raises: an error that nobody foresaw is a crash, its traceback on stderr."""
    try:
        cell, digests = finder.cell(recipes.from_dict(task.recipe, f"the recipe of {task.id}"))
        if run_id(cell.recipe, digests) != task.id:
            raise UserError(f"{cell.recipe.dataset} at {task.root} is not the data that this grid was planned with.")
        with _held(task, world, stop):
            execute.run(cell, task.folder, world, stop)
        return Outcome("done")
    except Preempted as stopped:
        return Outcome("stopped", str(stopped))
    except UserError as error:
        return Outcome("own", str(error))
    except Exception as error:
        traceback.print_exc()
        return Outcome("crash", f"{type(error).__name__}: {error}")


@contextmanager
def _held(task: Task, world: World, stop: Stop) -> Iterator[None]:
    """The lock, by the process that writes; one of a dying process is waited for."""
    if not world.writes:
        yield
        return
    until = time.monotonic() + PATIENCE
    while True:
        lock = task.folder.locked()
        try:
            lock.__enter__()
            break
        except RecordError:
            if stop.requested:
                raise Preempted("Stopped while waiting for the run.") from None
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)

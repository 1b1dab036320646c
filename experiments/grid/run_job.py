"""One job, in this process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.grid.entries import DatasetFinder
from experiments.grid.job import Job, Outcome
from experiments.recipes.recipe import from_dict
from experiments.records.files import RecordError
from experiments.runtime.errors import UserError
from experiments.runtime.processes import World
from experiments.runtime.signals import Preempted, Stop
from experiments.training.execute import execute
from experiments.training.run_spec import run_id
from experiments.training.session import Session

PATIENCE = 60  # seconds that a dying process may still hold a run


def run_job(job: Job, finder: DatasetFinder, world: World, stop: Stop) -> Outcome:
    """Never raises: an error that nobody foresaw is transient, its traceback on stderr."""
    try:
        spec, digests = finder.spec(from_dict(job.recipe, f"the recipe of {job.id}"))
        if run_id(spec.recipe, digests) != job.id:
            raise UserError(f"{spec.recipe.dataset} at {job.root} is not the data that this grid was planned with.")
        with _held(job, world, stop):
            execute(Session(spec, job.folder, world, stop))
        return Outcome("done")
    except Preempted as stopped:
        return Outcome("stopped", str(stopped))
    except UserError as error:
        return Outcome("permanent", str(error))
    except RecordError as error:  # held by another process, or damaged
        return Outcome("transient", str(error))
    except Exception as error:
        traceback.print_exc()
        return Outcome("transient", f"{type(error).__name__}: {error}")


@contextmanager
def _held(job: Job, world: World, stop: Stop) -> Iterator[None]:
    """The lock, by the process that writes; one of a dying process is waited for."""
    if not world.writes:
        yield
        return
    until = time.monotonic() + PATIENCE
    while True:
        lock = job.folder.locked()
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

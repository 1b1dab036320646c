"""What travels through the training of a run as one."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.records.run_folder import RunFolder
from experiments.runtime.processes import World
from experiments.runtime.signals import Stop
from experiments.training.run_spec import RunSpec


@dataclass(frozen=True)
class Session:
    """One process at one run, from a start or a resume to the end or a stop; a run may take several."""

    run: RunSpec
    folder: RunFolder
    world: World
    stop: Stop

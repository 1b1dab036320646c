"""AP on the way: the validation set at equal distances of the training, into `curve.json`."""

from __future__ import annotations

from experiments.protocols import evaluate
from experiments.recipes.recipe import ScheduleRecipe, steps
from experiments.records.run_folder import RunFolder
from experiments.runtime.processes import World
from experiments.runtime.signals import Stop
from experiments.training.run_spec import Cell


def marks(schedule: ScheduleRecipe) -> set[int]:
    """Steps behind the model when it is measured; the end is not among them, `done` has it."""
    total, points = steps(schedule), schedule.evaluations
    return {total * k // points for k in range(1, points)} - {0}


def measure(model, cell: Cell, folder: RunFolder, world: World, stop: Stop, step: int) -> None:
    """Adds the point of `step`, or puts the same one in its place after a resume. Raises Preempted."""
    found = evaluate.detections(model, cell.val, cell.recipe, world, stop)
    model.train()
    if world.writes:
        figures = evaluate.scores(cell.val, found, cell.recipe).figures
        others = [point for point in folder.read_curve() if point["step"] != step]
        folder.write_curve(sorted([*others, {"step": step, **figures}], key=lambda point: point["step"]))

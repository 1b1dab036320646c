"""One cell from nothing to `done`, inside its run folder."""

from __future__ import annotations

import time

import torch

import assigners
from detector.detector import Detector
from experiments.data.readers.shapes import true_offsets
from experiments.protocols import evaluate
from experiments.recipes.recipe import as_dict
from experiments.recipes.typed import settings_of
from experiments.records.run_folder import RunFolder
from experiments.runtime.errors import UserError
from experiments.runtime.processes import World
from experiments.runtime.signals import Stop
from experiments.training import fairness, guards
from experiments.training.environment import environment
from experiments.training.run_spec import Cell, detector, differences
from experiments.training.train import train


def run(cell: Cell, folder: RunFolder, world: World, stop: Stop) -> dict:
    """Trains and evaluates, from the newest checkpoint on; the result as `done` holds it. Done before: only that.

    The caller holds the folder's lock. Raises UserError, Preempted.
    """
    if folder.is_done():
        return folder.read_done()
    if cell.recipe.schedule.batch % world.size:
        raise UserError(f"{world.size} processes do not divide a batch of {cell.recipe.schedule.batch} images.")
    for part in (cell.train, cell.val):
        guards.labels(part)
    guards.evaluation(cell)
    model = detector(cell.recipe, len(cell.train.classes)).to(world.device, memory_format=torch.channels_last)
    if world.writes:
        guards.room(cell, model, folder)
        folder.tidy()
        folder.write_run(_record(cell, model, world))
    train_seconds = train(model, cell, folder, world, stop)
    begin = time.perf_counter()
    found = evaluate.detections(model, cell.val, cell.recipe, world, stop)
    if not world.writes:
        return {}
    found.save(folder.detections)
    scores = evaluate.scores(cell.val, found, cell.recipe)
    scores.matches.save(folder.matches)
    seconds = {"train_seconds": train_seconds, "eval_seconds": time.perf_counter() - begin}
    how = {"protocol": cell.recipe.test.protocol, "evaluator": evaluate.evaluator(cell.recipe)}
    result = {**scores.figures, "per_class": scores.per_class, **seconds, **how}
    folder.write_done(result | {"priors": priors(model, cell)})
    folder.previous.unlink(missing_ok=True)  # nothing will go back behind the end
    return result


def priors(model: Detector, cell: Cell) -> dict:
    """The learned centre priors by class, in strides (paper, figure 5); empty lists for a method without any.

    true_offsets: of drawn classes, from the centre in widths and heights of the box; empty for other sets.
    """
    learned = {name: getattr(model.assigner, name, None) for name in ("mu", "sigma")}
    shown = {name: [] if t is None else t.detach().cpu().tolist() for name, t in learned.items()}
    classes, drawn = list(cell.train.classes), cell.recipe.data.reader == "shapes"
    return {"classes": classes, **shown, "true_offsets": true_offsets(classes) if drawn else []}


def _record(cell: Cell, model: Detector, world: World) -> dict:
    """What run.json holds, written before the first step."""
    sets = {"train": cell.train, "val": cell.val}
    return {
        "id": cell.id,
        "recipe": as_dict(cell.recipe),
        "data": {
            name: {"digest": s.digest(), "images": len(s), "boxes": len(s.boxes), "cleaned": s.counters}
            for name, s in sets.items()
        },
        "environment": environment() | {"processes": world.size},
        "head_differs": {name: list(pair) for name, pair in differences(cell.recipe).items()},
        "defaults": {name: default for name, (_, default) in settings_of(assigners.get(cell.recipe.assigner)).items()},
        "shared": fairness.shared(cell, model),
    }

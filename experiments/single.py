"""One cell from nothing to `done`, inside its run folder."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from experiments import evaluate
from experiments.cell import Cell, detector, differences
from experiments.hardware import environment
from experiments.recipe import as_dict
from experiments.records import RunFolder
from experiments.train import train


def run(cell: Cell, runs: Path, resume: bool, force: bool) -> dict:
    """Trains and evaluates unless that was done; the result as `done` holds it.

    resume: goes on from the checkpoint. force: starts over. Raises UserError.
    """
    folder = RunFolder(runs / cell.id)
    if folder.is_done() and not force:
        return folder.read_done()
    folder.clear(keep_checkpoint=resume)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = detector(cell.recipe, len(cell.train.classes)).to(device, memory_format=torch.channels_last)
    folder.write_run(_record(cell))
    train_seconds = train(model, cell, folder, device, resume)
    begin = time.perf_counter()
    found = evaluate.detections(model, cell.val, cell.recipe, device)
    found.save(folder.detections)
    scores = evaluate.scores(cell.val, found, cell.recipe)
    seconds = {"train_seconds": train_seconds, "eval_seconds": time.perf_counter() - begin}
    result = {**scores.figures, "per_class": scores.per_class, **seconds, "protocol": "coco"}
    folder.write_done(result)
    return result


def _record(cell: Cell) -> dict:
    """What run.json holds, written before the first step."""
    sets = {"train": cell.train, "val": cell.val}
    return {
        "id": cell.id,
        "recipe": as_dict(cell.recipe),
        "data": {
            name: {"digest": s.digest(), "images": len(s), "boxes": len(s.boxes), "cleaned": s.counters}
            for name, s in sets.items()
        },
        "environment": environment(),
        "head_differs": {name: list(pair) for name, pair in differences(cell.recipe).items()},
    }

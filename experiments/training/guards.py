"""What stops a run before it goes wrong: numbers that are not finite, memory, disk, labels, the evaluation itself."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from experiments.data.index import Index
from experiments.data.loader import Batch
from experiments.protocols import evaluate
from experiments.protocols.interface import Detections
from experiments.records.run_folder import RunFolder
from experiments.runtime.errors import UserError
from experiments.training import checkpoint
from experiments.training.run_spec import Cell

KNOWN_BOXES = 20  # of the ground truth, fed back as detections
DETECTION_BYTES = 2 * 72  # of one detection, in `detections.npz`, `matches.npz` and their unfinished copies
MOMENTS = {"sgd": 1, "adamw": 2}  # tensors that the optimiser keeps for a parameter


def room(cell: Cell, model: nn.Module, folder: RunFolder) -> None:
    """UserError where the disk cannot hold two checkpoints, a third being written, and the detections.

    What an earlier session saved is there already.
    """
    state = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    learned = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    recipe = cell.recipe
    checkpoints = 3 * (state + MOMENTS[recipe.optimizer.kind] * learned)
    held = sum(path.stat().st_size for path in (folder.checkpoint, folder.previous) if path.exists())
    need = max(0, checkpoints - held) + len(cell.val) * recipe.test.detections * DETECTION_BYTES
    free = shutil.disk_usage(folder.path).free
    if free < need:
        raise UserError(
            f"{folder.path}: the run needs about {need / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB are free. "
            "Free some, or name another disk with --runs."
        )


def disk(error: OSError, runs: Path) -> str:
    """The sentence for a disk that is full, gone or not ours."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "Free some of it (a run that is done needs no checkpoint*.pt)" if full else "Mend it"
    place = error.filename or runs
    return f"{place}: {error.strerror}. What was saved before is whole. {mend}, then the same line goes on."


def labels(index: Index) -> None:
    """UserError where a label is not a class."""
    wrong = np.flatnonzero((index.labels < 0) | (index.labels >= len(index.classes)))
    if len(wrong):
        image = index.image_ids[np.searchsorted(index.offsets, wrong[0], "right") - 1]
        raise UserError(
            f"{index.name}, image {image}: label {index.labels[wrong[0]]} of {len(index.classes)} classes. "
            "Mend the reader or the annotation."
        )


def evaluation(cell: Cell) -> None:
    """UserError unless twenty boxes of the truth, fed back as detections, score AP 1."""
    counts = np.diff(cell.val.offsets)
    known = np.cumsum(np.where(counts <= KNOWN_BOXES, counts, 0))
    image = np.repeat(np.arange(len(counts)), counts)
    chosen = (counts <= KNOWN_BOXES)[image] & (known[image] <= KNOWN_BOXES)
    part = _without_doubles(cell.val.only(np.unique(image[chosen])))
    mine = ~part.ignore
    again = Detections(_owner(part)[mine], part.boxes[mine], part.labels[mine], np.ones(int(mine.sum()), np.float32))
    found = evaluate.scores(part, again, cell.recipe).figures["AP"]
    if found is not None and found < 1 - 1e-6:
        raise UserError(
            f"The evaluation is broken: boxes of {cell.val.name} fed back as detections score AP {found:.3f}, not 1, "
            f"by the protocol {cell.recipe.test.protocol}. Look for annotations that the reader takes otherwise."
        )


def _without_doubles(index: Index) -> Index:
    """Without the images that hold a box twice: VOC's rule never finds the second."""
    rows = np.column_stack([_owner(index), index.labels, index.boxes])
    _, place, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    twice = _owner(index)[counts[place.reshape(-1)] > 1]
    return index.only(np.setdiff1d(np.arange(len(index)), twice))


def _owner(index: Index) -> np.ndarray:
    """(N,) position of each box's image."""
    return np.repeat(np.arange(len(index)), np.diff(index.offsets))


def finite(figures: dict[str, Tensor], norm: Tensor) -> list[str]:
    """Names of the figures that are not finite; the gradient's norm among them. Waits for the device."""
    values = torch.stack([*(f.float() for f in figures.values()), norm.float()])
    return [name for name, good in zip([*figures, "gradient"], values.isfinite().tolist(), strict=True) if not good]


def keep(
    folder: RunFolder, model: nn.Module, batch: Batch, index: Index, figures: dict[str, Tensor], step: int, lr: float
) -> None:
    """All that `experiments/replay.py` needs to compute the step again, written beside the checkpoint."""
    state = {
        "step": step,
        "lr": lr,
        "figures": {name: float(value) for name, value in figures.items()},
        "image_ids": torch.from_numpy(index.image_ids)[batch.index],
        "classes": len(index.classes),
        "images": batch.images,
        "objects": vars(batch.objects),
        "model": model.state_dict(),
    }
    checkpoint.write(state, folder.broken)


def out_of_memory(batch: Batch, index: Index, step: int) -> UserError:
    """The sentence for a device that is too small."""
    counts = torch.bincount(batch.objects.image, minlength=len(batch.images))
    most = int(counts.argmax())
    _, _, height, width = batch.images.shape
    return UserError(
        f"The device's memory is too small for step {step}: {len(batch.images)} images of {width} x {height}, "
        f"the most crowded one is image {index.image_ids[batch.index[most]]} with {counts[most]} objects. "
        "Raise schedule.accumulate, or lower data.short and data.long."
    )

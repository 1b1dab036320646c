"""What stops a run before it goes wrong: numbers that are not finite, memory, disk, labels, the evaluation itself."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from experiments.data.index import Index
from experiments.data.loader import Batch
from experiments.protocols.interface import Detections
from experiments.runtime.errors import UserError
from experiments.training import checkpoint, evaluate
from experiments.training.model import state_bytes
from experiments.training.run_spec import RunSpec
from experiments.training.session import Session

FED_BACK = 20  # boxes of the ground truth, given to the evaluation as detections
THIN = 100  # steps of float32: a box less wide or high, or of no area, may overlap itself by less than .95
DETECTION_BYTES = 2 * (100 + 3 * 62)  # of one, in `detections.npz`, all `matches*.npz` and their unfinished copies


def check_room(session: Session, model: nn.Module) -> None:
    """UserError where the disk cannot hold two checkpoints, a third being written, and the detections.

    What an earlier session saved is there already.
    """
    folder, recipe = session.folder, session.run.recipe
    checkpoints = 3 * state_bytes(recipe, model)
    present = sum(path.stat().st_size for path in (folder.checkpoint, folder.previous) if path.exists())
    detections = len(session.run.val) * recipe.test.detections * DETECTION_BYTES
    need = max(0, checkpoints - present) + detections
    free = shutil.disk_usage(folder.path).free
    if free < need:
        raise UserError(
            f"{folder.path}: the run needs about {need / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB are free. "
            "Free some, or name another disk with --runs."
        )


def check_labels(index: Index) -> None:
    """UserError where a label is not a class."""
    wrong = np.flatnonzero((index.labels < 0) | (index.labels >= len(index.classes)))
    if len(wrong):
        image = index.image_ids[np.searchsorted(index.offsets, wrong[0], "right") - 1]
        raise UserError(
            f"{index.name}, image {image}: label {index.labels[wrong[0]]} of {len(index.classes)} classes. "
            "Correct the reader or the annotation."
        )


def check_precision(session: Session) -> None:
    """UserError where bf16 would be computed by a CPU.

    oneDNN's weight gradient of a bf16 convolution with stride 2 on a map of 1 x 1 (torch 2.14.1) reads memory that
    nobody wrote: not a number in half of the tries, a wrong number in most others.
    """
    if session.run.recipe.schedule.bf16 and session.world.device.type == "cpu":
        raise UserError(
            "schedule.bf16=true needs a GPU: on a CPU the gradients of torch's own bf16 convolutions are at times "
            "wrong or not finite. Train with --set schedule.bf16=false, or on a GPU."
        )


def without_objects(index: Index) -> str:
    """The sentence for a set in which no object counts; "" where one does."""
    if not index.ignore.all():
        return ""
    kind = "every object is ignored (crowd, difficult or invalid)" if len(index.boxes) else "there is no object"
    return f"{index.name}, the {len(index)} images to test on: {kind}, so AP is not known (n/a). Training continues."


def check_evaluation(run: RunSpec) -> None:
    """UserError unless twenty boxes of the truth, fed back as detections, score AP 1.

    All of them count, however few detections of an image test.detections takes.
    """
    counts = np.diff(run.val.offsets)
    # The first images that hold FED_BACK boxes together; one with more boxes than that is passed over.
    total = np.cumsum(np.where(counts <= FED_BACK, counts, 0))
    image = np.repeat(np.arange(len(counts)), counts)
    first = (counts <= FED_BACK)[image] & (total[image] <= FED_BACK)
    few = _findable(run.val.only(np.unique(image[first])))
    sure = ~few.ignore
    again = Detections(_owner(few)[sure], few.boxes[sure], few.labels[sure], np.ones(int(sure.sum()), np.float32))
    recipe = replace(run.recipe, test=replace(run.recipe.test, detections=FED_BACK))
    ap = evaluate.scores(few, again, recipe).metrics["AP"]
    if ap is not None and ap < 1 - 1e-6:
        raise UserError(
            f"The evaluation is broken: boxes of {run.val.name} fed back as detections score AP {ap:.3f}, not 1, "
            f"by the protocol {run.recipe.test.protocol}. Look for annotations that the reader takes otherwise."
        )


def _findable(index: Index) -> Index:
    """Without images that hold a box twice (VOC's rule never finds the second) or one too thin to find itself."""
    rows = np.column_stack([_owner(index), index.labels, index.boxes])
    _, row, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    left, right = index.boxes[:, :2], index.boxes[:, 2:]
    step = np.spacing(np.maximum(abs(left), abs(right)))  # (N, 2) px between two float32 numbers there
    lost = (counts[row.reshape(-1)] > 1) | (right - left < THIN * step).any(1)
    return index.only(np.setdiff1d(np.arange(len(index)), _owner(index)[lost]))


def _owner(index: Index) -> np.ndarray:
    """(N,) position of each box's image."""
    return np.repeat(np.arange(len(index)), np.diff(index.offsets))


def keep_broken(
    session: Session, model: nn.Module, batch: Batch, figures: dict[str, float], step: int, lr: float
) -> None:
    """All that `experiments/replay.py` needs to compute the step again, written beside the checkpoint."""
    index = session.run.train
    state = {
        "step": step,
        "lr": lr,
        "figures": figures,
        "image_ids": torch.from_numpy(index.image_ids)[batch.index],
        "classes": len(index.classes),
        "images": batch.images,
        "objects": vars(batch.objects),
        "model": model.state_dict(),
    }
    checkpoint.write(state, session.folder.broken)


def out_of_memory(batch: Batch, index: Index, step: int) -> UserError:
    """The sentence for a device that is too small."""
    counts = torch.bincount(batch.objects.image, minlength=len(batch.images))
    crowded = int(counts.argmax())
    _, _, height, width = batch.images.shape
    return UserError(
        f"The device's memory is too small for step {step}: {len(batch.images)} images of {width} x {height}, "
        f"the most crowded one is image {index.image_ids[batch.index[crowded]]} with {counts[crowded]} objects. "
        "Raise schedule.accumulate, or lower data.short and data.long."
    )

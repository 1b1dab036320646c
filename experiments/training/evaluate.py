"""A trained model's detections on a set of images, and their scores."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import torch

from detector.detector import Detector
from detector.postprocess import Detected
from detector.views import look, merge
from experiments.data.index import Index
from experiments.data.loader import Batch, eval_loader
from experiments.protocols.engines import engine_version
from experiments.protocols.interface import Detections, Scores
from experiments.protocols.registry import PROTOCOLS
from experiments.recipes.recipe import Recipe
from experiments.records.arrays import StoredDetections
from experiments.runtime.console import counted
from experiments.runtime.errors import UserError
from experiments.runtime.signals import Preempted
from experiments.training.multi_scale import merging_of, seen, views_of
from experiments.training.session import Session


def detections(model: Detector, session: Session) -> Detections:
    """Of the validation set, in pixels of the original images; each process does its share and gets them all.

    Raises Preempted.
    """
    recipe, world, index = session.run.recipe, session.world, session.run.val
    columns = [_no_detections()]
    model.eval()
    views, merging = views_of(recipe), merging_of(recipe)
    loader = eval_loader(index, recipe.data, recipe.test.batch, world.rank, world.size, views)
    looks: list[Detected] = []  # at the images of a batch, so far
    for batch, view in zip(counted(loader, f"evaluating {recipe.dataset}"), cycle(views), strict=False):
        if session.stop.requested:
            raise Preempted("Stopped in the evaluation. Run the same command to evaluate again.")
        if not looks:
            first = batch
        try:
            with torch.autocast(world.device.type, torch.bfloat16, enabled=recipe.schedule.bf16):
                looks.append(look(model, seen(batch, view, world.device), first.sizes.to(world.device), merging))
        except torch.OutOfMemoryError:
            raise _out_of_memory(batch, index) from None
        if len(looks) == len(views):
            columns.append(_of_originals(merge(looks, model, merging), first))
            looks = []
    of_this_process = [torch.cat(column).numpy() for column in zip(*columns, strict=True)]
    of_all = zip(*world.gather(of_this_process), strict=True)
    return Detections(*(np.concatenate(column) for column in of_all))


def _of_originals(out: Detected, batch: Batch) -> tuple[torch.Tensor, ...]:
    """Positions, boxes in pixels of the original images, labels and scores of a batch."""
    image = out.image.cpu()
    return batch.index[image], out.boxes.cpu() / batch.scale[image, None], out.labels.cpu(), out.scores.cpu()


def stored(index: Index, detected: Detections) -> StoredDetections:
    """As the run folder holds them: images by id."""
    return StoredDetections(
        np.asarray(index.image_ids)[detected.image], detected.boxes, detected.labels, detected.scores
    )


def _out_of_memory(batch: Batch, index: Index) -> UserError:
    """The sentence for a device that is too small."""
    _, _, height, width = batch.images.shape
    return UserError(
        f"The device's memory is too small to test {len(batch.images)} images of {width} x {height}, the first "
        f"is image {index.image_ids[batch.index[0]]}. Lower test.batch, or test.per_level; the training is kept."
    )


def _no_detections() -> tuple[torch.Tensor, ...]:
    """Positions, boxes, labels, scores of none."""
    return torch.zeros(0).long(), torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0)


def scores(index: Index, detected: Detections, recipe: Recipe) -> Scores:
    """By the recipe's protocol."""
    protocol = PROTOCOLS[recipe.test.protocol]
    return protocol.evaluate(index, detected, recipe.test.detections, recipe.test.evaluator)


def evaluator(recipe: Recipe) -> str:
    """What computed the metrics, with its version."""
    return engine_version(PROTOCOLS[recipe.test.protocol].engine or recipe.test.evaluator)

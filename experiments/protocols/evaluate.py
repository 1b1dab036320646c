"""A trained model's detections on a set of images, and their scores."""

from __future__ import annotations

import numpy as np
import torch

from detector.detector import Detector
from detector.postprocess import Limits
from experiments.data.index import Index
from experiments.data.loader import Batch, eval_loader
from experiments.protocols import coco, engines, official, voc
from experiments.protocols.interface import Detections, Scores
from experiments.recipes.recipe import Recipe
from experiments.runtime.console import counted
from experiments.runtime.errors import UserError
from experiments.runtime.processes import World
from experiments.runtime.signals import Preempted, Stop


def detections(model: Detector, index: Index, recipe: Recipe, world: World, stop: Stop) -> Detections:
    """In pixels of the original images; each process finds its share and gets them all. Raises Preempted."""
    limits = Limits(recipe.test.score_threshold, recipe.test.per_level, recipe.test.detections)
    device, found = world.device, [_none()]
    model.eval()
    loader = eval_loader(index, recipe.data, recipe.test.batch, world.rank, world.size)
    for batch in counted(loader, f"evaluating {recipe.dataset}"):
        if stop.requested:
            raise Preempted("Stopped in the evaluation; the same line does it again.")
        try:
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.schedule.bf16):
                out = model.detect(batch.images.to(device), batch.sizes.to(device), limits)
        except torch.OutOfMemoryError:
            raise _out_of_memory(batch, index) from None
        image = out.image.cpu()
        boxes = out.boxes.cpu() / batch.scale[image, None]
        found.append((batch.index[image], boxes, out.labels.cpu(), out.scores.cpu()))
    mine = [torch.cat(part).numpy() for part in zip(*found, strict=True)]
    parts = zip(*world.gather(mine), strict=True)
    return Detections(*(np.concatenate(part) for part in parts))


def _out_of_memory(batch: Batch, index: Index) -> UserError:
    """The sentence for a device that is too small."""
    _, _, height, width = batch.images.shape
    return UserError(
        f"The device's memory is too small to test {len(batch.images)} images of {width} x {height}, the first "
        f"is image {index.image_ids[batch.index[0]]}. Lower test.batch, or test.per_level; the training is kept."
    )


def _none() -> tuple[torch.Tensor, ...]:
    """No detection: positions, boxes, labels, scores."""
    return torch.zeros(0).long(), torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0)


def scores(index: Index, found: Detections, recipe: Recipe) -> Scores:
    """By the recipe's protocol. COCO's counts the recipe's number of detections an image, the others have their own."""
    engine, most = recipe.test.evaluator, recipe.test.detections
    by = {
        "coco": lambda: coco.evaluate(index, found, (1, min(10, most), most), engine),
        "height": lambda: coco.height(index, found, engine),
        "voc07": lambda: voc.evaluate(index, found, voc.eleven_points),
        "voc10": lambda: voc.evaluate(index, found, voc.area),
        "official": lambda: official.evaluate(index, found),
    }
    return by[recipe.test.protocol]()


def evaluator(recipe: Recipe) -> str:
    """What computed the figures, with its version; the rules of VOC and of WIDER FACE's tool are our own, on numpy."""
    return engines.name(recipe.test.evaluator if recipe.test.protocol in ("coco", "height") else "numpy")

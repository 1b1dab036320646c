"""A trained model's detections on a set of images, and their scores."""

from __future__ import annotations

import numpy as np
import torch

from detector.detector import Detector
from detector.postprocess import Limits
from experiments.data.index import Index
from experiments.data.loader import eval_loader
from experiments.progress import counted
from experiments.protocols import coco
from experiments.recipe import Recipe


def detections(model: Detector, index: Index, recipe: Recipe, device: torch.device) -> coco.Detections:
    """In pixels of the original images."""
    limits = Limits(recipe.test.score_threshold, recipe.test.per_level, recipe.test.detections)
    found = []
    model.eval()
    for batch in counted(eval_loader(index, recipe.data, recipe.test.batch), f"evaluating {recipe.dataset}"):
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.schedule.bf16):
            out = model.detect(batch.images.to(device), batch.sizes.to(device), limits)
        image = out.image.cpu()
        boxes = out.boxes.cpu() / batch.scale[image, None]
        found.append((batch.index[image], boxes, out.labels.cpu(), out.scores.cpu()))
    parts = (torch.cat(part).numpy() for part in zip(*found, strict=True))
    return coco.Detections(*(np.ascontiguousarray(part) for part in parts))


def scores(index: Index, found: coco.Detections, recipe: Recipe) -> coco.Scores:
    """By the COCO protocol, at the recipe's number of detections an image."""
    most = recipe.test.detections
    return coco.evaluate(index, found, (1, min(10, most), most))

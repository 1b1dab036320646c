"""The views of a recipe's test, and how their boxes are merged."""

from __future__ import annotations

import torch

from detector.postprocess import Limits
from detector.views import Merging, Seen
from experiments.data.loader import Batch
from experiments.data.views import View
from experiments.recipes.recipe import Recipe


def views_of(recipe: Recipe) -> tuple[View, ...]:
    """In the order in which they are looked at; each is followed by its flipped one, where the recipe asks for it."""
    test, (short, long) = recipe.test, recipe.data.at_test
    scales = test.scales or (short,)
    longs, least, most = (
        values * len(scales) if len(values) == 1 else values
        for values in (test.longs or (long,), test.box_least or (0.0,), test.box_most or (0.0,))
    )
    through = (short, long) if test.resample == "normal view" else None
    flips = (False, True) if test.flips else (False,)
    rows = zip(scales, longs, least, most, strict=True)
    return tuple(View(s, cap, flip, low, high, through) for s, cap, low, high in rows for flip in flips)


def merging_of(recipe: Recipe) -> Merging:
    """With no merge where there is one view as in the normal test."""
    test = recipe.test
    plus = 1.0 if test.plus_one else 0.0
    limits = Limits(test.score_threshold, test.per_level, test.detections, test.score_voting, plus)
    kind = test.merge if test.scales else ""
    return Merging(kind, limits, test.vote_iou, test.box_frame == "original")


def seen(batch: Batch, view: View, device: torch.device) -> Seen:
    """What the detector is given of a view."""
    tensors = (x.to(device) for x in (batch.images, batch.sizes, batch.scale))
    return Seen(*tensors, view.flipped, view.least, view.most)

"""The checks in the order of the page: what each proves, and the likely cause where it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from experiments.conformance import checks
from experiments.conformance.checks import Trial, Verdict
from experiments.conformance.scenes import NOTHING, random_boxes, to_objects


@dataclass(frozen=True)
class Check:
    name: str
    proves: str
    cause: str  # the likely one
    run: Callable[[Trial], Verdict]


def _finite_on(name: str, *images: Tensor) -> Check:
    return Check(
        name,
        "Loss and gradients are finite float32 numbers.",
        "a division by a sum that is 0, the log of a rounded 0, or the largest of nothing",
        partial(checks.check_finite, to_objects(*images)),
    )


SQUARE = torch.tensor([[64.0, 64.0, 160.0, 160.0]])
CHECKS = (
    _finite_on("no object", NOTHING, NOTHING),
    _finite_on("2000 objects", random_boxes(2000, 6, 60)),
    _finite_on("identical", SQUARE.repeat(7, 1), SQUARE.repeat(2, 1)),
    _finite_on("tiny", random_boxes(20, 0.01, 2), torch.tensor([[50.0, 50.0, 50.0, 50.0]])),
    _finite_on("huge", torch.tensor([[-4000.0, -3000.0, 5000.0, 6000.0], [0.0, 0.0, 320.0, 256.0]])),
    Check(
        "one object",
        "A single object of 96 px gets priors with w+ above 0.",
        "no level, threshold or radius admits an ordinary object",
        checks.check_one_object,
    ),
    Check(
        "pairs",
        "A pair joins a prior and an object of one image; w+ >= 0, 0 <= w- <= 1.",
        "priors are numbered over the batch: add objects.image * grid.size",
        checks.check_pairs,
    ),
    Check(
        "positives",
        "The loss pulls the class up and moves the boxes where w+ > 0.",
        "w+, its box weight or P of the bag loss is 0, negative or detached",
        checks.check_positives,
    ),
    Check(
        "background",
        "The loss pushes every class down where no object is listed, and leaves the boxes alone.",
        "selection lets a gradient through: put @torch.no_grad() above it",
        checks.check_background,
    ),
    Check(
        "every branch",
        "Every output and parameter takes part in the loss, also without objects.",
        "a branch asked for and not used, or a loss left out on emptiness: processes then wait for each other for ever",
        checks.check_every_branch,
    ),
    Check(
        "crowd",
        "Priors in a crowd region get no class gradient, unless an object has a w+ above 0 or a w- below 1 there.",
        "forward or the loss leaves out assignment.ignore",
        checks.check_crowd,
    ),
    Check(
        "shuffled",
        "Loss and gradients do not depend on the order of the objects of an image.",
        "a tie broken by position, or a write where the last one wins: use best_per_location",
        checks.check_order,
    ),
    Check(
        "determinism",
        "The same step twice gives the same bits.",
        "a random draw: take it from a generator that the step number seeds",
        checks.check_determinism,
    ),
    Check(
        "bf16",
        "Outputs rounded to bfloat16, as far out as 100, give finite float32 numbers.",
        "log(1 - p) of a sigmoid that rounds to 1: preds.log_prob gives both logs exactly",
        checks.check_bf16,
    ),
    Check(
        "memory",
        "2000 objects at 800 x 1344 take less than a byte for every prior and object.",
        "an array of priors x objects: enumerate pairs by assigners.pairs",
        checks.check_memory,
    ),
    Check(
        "two processes",
        "Two processes, one without objects, average to the step of one with both images, and leave its buffers.",
        "a normaliser or a buffer of this process alone: give sums in z_pos and z_neg, or take world_mean, world_sum",
        checks.check_processes,
    ),
)

"""The contract between an assigner, its loss and the detector; nothing else.

Letters, everywhere: B images, N objects, P priors, K classes, M pairs, each counted over the whole batch.
The images of a batch share one padded size, so one grid of p priors serves all: P = B p, and prior i of
image b is b p + i. Objects are sorted by image. A pair is (prior, object).
A pair that is not listed has w+ = 0 and w- = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from assigners.pairs import inside

Objectness = Literal["none", "implicit", "explicit"]
BoxKind = Literal["giou", "iou", "l1", "smooth_l1"]


@dataclass(frozen=True)
class Objects:
    """Ground truth of a batch, sorted by image; float32 and int64, on the device of the predictions."""

    boxes: Tensor  # (N, 4) x1 y1 x2 y2, pixels of the padded batch
    labels: Tensor  # (N,) in [0, K)
    image: Tensor  # (N,) in [0, B), ascending
    ignore: Tensor  # (I, 4) crowd or difficult regions, pixels
    ignore_image: Tensor  # (I,)
    images: int  # B


@dataclass(frozen=True)
class Level:
    """One pyramid level of a grid; its priors are start..stop, row by row, cell by cell."""

    start: int
    stop: int
    stride: int  # pixels
    height: int  # cells
    width: int  # cells


@dataclass(frozen=True)
class Grid:
    """The priors of one image; a point too has a box, the square it stands for."""

    boxes: Tensor  # (p, 4) pixels
    centers: Tensor  # (p, 2) pixels
    stride: Tensor  # (p,) pixels, float
    levels: tuple[Level, ...]
    shapes: Tensor  # (A, 2) width and height of the boxes of a cell, in strides
    offset: float  # of the first centre, in strides: 0 or 0.5

    @property
    def per_cell(self) -> int:
        return self.shapes.shape[0]

    @property
    def size(self) -> int:
        """p"""
        return self.boxes.shape[0]


class Predictions(Protocol):
    """What the detector says of a batch, in float32 and differentiable."""

    grid: Grid
    images: int  # B
    logits: Tensor  # (P, K) of the class branch
    objectness: Tensor | None  # (P,) logits
    quality: Tensor | None  # (P,) logits
    implicit: bool  # objectness multiplies the class probability
    progress: float  # of the training, in [0, 1]

    def boxes(self) -> Tensor:
        """(P, 4) decoded, pixels."""

    def boxes_at(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 4) decoded, pixels."""

    def log_prob(self, loc: Tensor, cls: Tensor) -> tuple[Tensor, Tensor]:
        """(M,), (M,) -> log p and log(1 - p), each (M,); implicit objectness is folded in."""

    def box_loss(self, loc: Tensor, boxes: Tensor, kind: BoxKind, beta: float) -> Tensor:
        """(M,), (M, 4) -> (M,); l1 and smooth_l1 act on encoded boxes, summed over the four numbers."""


@dataclass(frozen=True)
class Assignment:
    """Pairs, their weights, and the sums that normalise the loss."""

    loc: Tensor  # (M,) in [0, P)
    gt: Tensor  # (M,) in [0, N)
    pos: Tensor  # (M,) w+, may carry gradient
    neg: Tensor  # (M,) w-, at (loc, class of the object)
    z_pos: Tensor  # scalar, normaliser of the positive terms, summed over the batch
    z_neg: Tensor  # scalar, normaliser of the negative class term, summed over the batch
    box: Tensor | None = None  # (M,) weight of the box term; None: w+
    quality: Tensor | None = None  # (M,) target of the quality branch
    joint: Tensor | None = None  # (M,) P of the bag loss
    ignore: Tensor | None = None  # (P,) bool, priors without any class term
    extra: dict[str, Tensor] = field(default_factory=dict)  # further loss terms, scalars


@dataclass(frozen=True)
class HeadSpec:
    """What a method asks of the shared head; the differences of two specs are the "what differs" column."""

    scales: tuple[float, ...] = (1.0,)  # of the prior boxes of a cell
    ratios: tuple[float, ...] = (1.0,)  # height / width
    base: float = 8.0  # side of the prior at scale 1, strides
    offset: float = 0.0  # centre of the first cell, strides
    coder: Literal["ltrb", "delta"] = "ltrb"
    delta_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    quality: bool = False  # a supervised branch (centre-ness) beside the boxes
    objectness: Objectness = "none"
    prior_prob: float = 0.01  # initial class probability
    box_bias: float = 0.0  # initial output of the box branch
    norm: Literal["gn", "none"] = "gn"  # of the towers
    p6_from: Literal["c5", "p5"] = "c5"
    score: Literal["product", "sqrt"] = "product"  # of class and quality at test
    nms_iou: float = 0.6


class Loss(Protocol):
    """w+ and w- mean nothing without a loss, so an assigner has one."""

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]: ...


@dataclass(eq=False)
class Assigner(nn.Module):
    """Base of every method: a module whose fields are its settings.

    A subclass is a dataclass, too: it states `head` and `loss`, and implements `assign`.
    """

    num_classes: int
    objectness: Literal["none", "implicit"] = field(
        default="none", kw_only=True
    )  # section 3.3; for any method, Table 5

    def __new__(cls, *args, **settings):
        self = super().__new__(cls)
        nn.Module.__init__(self)  # before the dataclass sets its fields, some of which are modules
        return self

    @property
    def head(self) -> HeadSpec:
        raise NotImplementedError

    def spec(self) -> HeadSpec:
        """The head this method gets: its own, with the objectness that the settings ask for."""
        return replace(self.head, objectness=self.objectness)

    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        """Selection and weights. Methods that look at geometry alone leave `preds` untouched."""
        raise NotImplementedError

    def forward(self, preds: Predictions, objects: Objects) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Loss terms and counts, by name, each a float32 scalar."""
        assignment = self.assign(preds.grid, objects, preds)
        assignment = replace(assignment, ignore=ignored(preds.grid, objects, assignment))
        return self.loss(preds, objects, assignment) | assignment.extra, {"unassigned": unassigned(objects, assignment)}


def unassigned(objects: Objects, assignment: Assignment) -> Tensor:
    """How many objects no pair gives a w+ above 0; scalar."""
    most = assignment.pos.detach().new_zeros(len(objects.boxes))
    return (most.scatter_reduce(0, assignment.gt, assignment.pos.detach(), "amax") == 0).sum(dtype=torch.float32)


def ignored(grid: Grid, objects: Objects, assignment: Assignment) -> Tensor:
    """(P,) bool: the method's own ignored priors, and those in a crowd region that no object lists."""
    loc, _ = inside(grid, objects.ignore, objects.ignore_image)
    total = grid.size * objects.images
    crowd = torch.zeros(total, dtype=torch.bool, device=loc.device).index_fill(0, loc, True)
    crowd = crowd.index_fill(0, assignment.loc, False)
    return crowd if assignment.ignore is None else crowd | assignment.ignore

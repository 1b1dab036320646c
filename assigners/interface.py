"""The contract between an assigner, its loss and the detector: data alone. The base class is in assigner.py.

Letters, everywhere: B images, N objects, P priors, K classes, M pairs, each counted over the whole batch.
The images of a batch share one padded size, so one grid of p priors serves all: P = B p, and prior i of
image b is b p + i. Objects are sorted by image. A pair is (prior, object).
Two numbers for one prior: `loc` in [0, P) is its place in the batch, `prior` in [0, p) its place in the grid;
prior = loc % p, image = loc // p. A method without anchors calls its priors locations: their boxes are squares.
A pair that is not listed has w+ = 0 and w- = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from torch import Tensor, nn

from assigners.errors import AssignerError

TAKEN = {  # attributes of the head and its variants, not for a branch
    *("logits", "deltas", "scales", "class_tower", "box_tower", "class_adaption", "box_adaption"),
    *("spec", "recompute", "per_cell", "shaping"),
    *dir(nn.Module()),
}
Coder = Literal["ltrb", "ltrb4", "exp", "delta"]  # what the box branch says, see detector/coders.py
Objectness = Literal["none", "implicit", "explicit"]
BoxKind = Literal["giou", "iou", "log_iou", "iou_squared", "diou", "ciou", "l1", "smooth_l1"]


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Ground truth of a batch, sorted by image; float32 and int64, on the device of the predictions."""

    boxes: Tensor  # (N, 4) x1 y1 x2 y2, pixels of the padded batch
    labels: Tensor  # (N,) in [0, K)
    image: Tensor  # (N,) in [0, B), ascending
    ignore: Tensor  # (I, 4) crowd or difficult regions, pixels
    ignore_image: Tensor  # (I,)
    images: int  # B
    host: Objects | None = None  # the same in the host's memory, where a count is no wait for the device

    @property
    def on_host(self) -> Objects:
        """What `inside` and the like enumerate from. Without a copy on the host these objects, and a wait."""
        return self if self.host is None else self.host


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
    shapes: Tensor  # (A, 2) width and height of the boxes of a cell, in strides; on the host
    offset: float  # of the first centre, in strides: 0 or 0.5

    @property
    def per_cell(self) -> int:
        """A"""
        return self.shapes.shape[0]

    @property
    def size(self) -> int:
        """p"""
        return self.boxes.shape[0]


@dataclass(frozen=True)
class Branch:
    """A dense output of the head beside class logits and boxes: one convolution on one of the towers."""

    name: str  # of the tensor in Predictions.branches, and of the module below `head`
    channels: int = 1  # of each prior
    tower: Literal["class", "box"] = "box"
    kernel: int = 3  # odd
    scores: bool = False  # its sigmoid multiplies the score at test
    implicit: bool = False  # its sigmoid multiplies the class probability in training as well (ImpObj, section 3.3)
    bias: float = 0.0  # initial output
    prior: bool = False  # two channels: log of width and height of the prior box over those of the grid's
    least: float = 0.0  # at test a prior with a lower sigmoid of it is skipped


QUALITY = Branch("quality", scores=True)  # supervised: centre-ness or IoU
OBJECTNESS = Branch("objectness", scores=True)


@dataclass(frozen=True)
class HeadStyle:
    """What the published head of a method has beside what its assignment needs; one for all in controlled mode."""

    offset: float = 0.0  # centre of the first cell, strides
    norm: Literal["gn", "none"] = "gn"  # of the towers
    p6_from: Literal["c5", "p5"] = "c5"
    prior_prob: float = 0.01  # initial class probability
    box_bias: float = 0.0  # initial distances of ltrb and ltrb4, strides; the other coders start at 0
    score: Literal["product", "sqrt"] = "product"  # of class and the branches that score, at test
    nms_iou: float = 0.6


@dataclass(frozen=True)
class HeadSpec:
    """What a method asks of the shared head; the differences of two specs are the "what differs" column."""

    scales: tuple[float, ...] = (1.0,)  # of the prior boxes of a cell
    ratios: tuple[float, ...] = (1.0,)  # height / width
    base: float = 8.0  # side of the prior at scale 1, strides
    coder: Coder = "ltrb"
    delta_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    branches: tuple[Branch, ...] = ()
    pyramid: bool = False  # the assigner gets the features of the pyramid
    variant: Literal["towers", "guided", "metaanchor_reconstruction"] = "towers"  # a file of detector/heads
    style: HeadStyle = HeadStyle()

    def __post_init__(self):
        names = [branch.name for branch in self.branches]
        for name in names:
            if not name.isidentifier() or name.startswith("_") or name in TAKEN or names.count(name) > 1:
                raise AssignerError(f"A branch of the head cannot be called '{name}'. Take a name of its own for each.")


class Predictions(Protocol):
    """What the detector says of a batch, in float32 and differentiable."""

    grid: Grid
    images: int  # B
    logits: Tensor  # (P, K) of the class branch
    branches: Mapping[str, Tensor]  # (P, channels) each, exactly those of the spec
    pyramid: tuple[Tensor, ...]  # (B, channels, height, width) of each level; () unless the spec asks
    progress: float  # of the training, in [0, 1]

    @property
    def implicit(self) -> Tensor | None:
        """(P,) logits of the implicit branch, whose sigmoid is part of every class probability; None without one."""

    def boxes(self) -> Tensor:
        """(P, 4) decoded, pixels."""

    def boxes_at(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 4) decoded, pixels."""

    def prior_boxes(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 4) boxes that the head refines, pixels: those of the grid, or of a guided head. No gradient."""

    def prior_sizes(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 2) width and height of the prior boxes, pixels, with the gradient of a guided head's shapes."""

    def encode(self, loc: Tensor, boxes: Tensor) -> Tensor:
        """(M,), (M, 4) px -> (M, 4) what the box branch should say at loc."""

    def log_prob(self, loc: Tensor, cls: Tensor) -> tuple[Tensor, Tensor]:
        """(M,), (M,) -> log p and log(1 - p), each (M,); implicit objectness is folded in."""

    def box_loss(self, loc: Tensor, boxes: Tensor, kind: BoxKind, beta: float) -> Tensor:
        """(M,), (M, 4) -> (M,); l1 and smooth_l1 act on encoded boxes, summed over the four numbers."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Pairs, their weights, and the sums that normalise the loss."""

    loc: Tensor  # (M,) in [0, P)
    gt: Tensor  # (M,) in [0, N)
    pos: Tensor  # (M,) w+, may carry gradient
    neg: Tensor  # (M,) w-, at (loc, class of the object)
    z_pos: Tensor  # scalar, normaliser of the positive terms, summed over the batch
    z_neg: Tensor  # scalar, normaliser of the negative class term, summed over the batch
    box: Tensor | None = None  # (M,) weight of the box term; None: w+
    z_box: Tensor | None = None  # scalar, normaliser of the box term, summed over the batch; None: sum of its weights
    target: Tensor | None = None  # (M,) class target of a soft loss, in [0, 1]; None: 1
    quality: Tensor | None = None  # (M,) target of the quality branch
    joint: Tensor | None = None  # (M,) P of the bag loss
    ignore: Tensor | None = None  # (P,) bool, priors without any class term
    extra: dict[str, Tensor] = field(default_factory=dict)  # further loss terms, scalars


class Loss(Protocol):
    """w+ and w- mean nothing without a loss, so an assigner has one."""

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]: ...

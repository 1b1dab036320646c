"""The outputs of the head as an assigner and its loss see them: float32, flat over the batch, differentiable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, smooth_l1_loss

from assigners.geometry import ciou, diou, giou, iou
from assigners.interface import BoxKind, Grid, HeadSpec
from detector.coders import coder

MAX_LOG_SHAPE = -log(1e-6)  # of a guided prior's side to the grid's; authors' code
LEAST_IOU = 1e-6  # under the logarithm; FSAF's
BOX_LOSSES = {  # predicted and true boxes (M, 4) px -> (M,)
    "iou": lambda a, b: 1 - iou(a, b),
    "log_iou": lambda a, b: -iou(a, b).clamp(min=LEAST_IOU).log(),
    "iou_squared": lambda a, b: 1 - iou(a, b).square(),
    "giou": lambda a, b: 1 - giou(a, b),
    "diou": lambda a, b: 1 - diou(a, b),
    "ciou": lambda a, b: 1 - ciou(a, b),
}


@dataclass(frozen=True)
class DensePredictions:
    """Implements assigners.interface.Predictions."""

    grid: Grid
    images: int  # B
    spec: HeadSpec
    logits: Tensor  # (P, K)
    deltas: Tensor  # (P, 4), as the box branch gives them
    branches: Mapping[str, Tensor] = field(default_factory=dict)  # (P, channels) each, those of the spec
    pyramid: tuple[Tensor, ...] = ()  # (B, channels, height, width) of each level, where the spec asks
    progress: float = 0.0

    @property
    def implicit(self) -> Tensor | None:
        """(P,) logits of the branch that is part of every class probability; None without one."""
        names = [branch.name for branch in self.spec.branches if branch.implicit]
        return self.branches[names[0]].squeeze(1) if names else None

    def boxes(self) -> Tensor:
        """(P, 4) px."""
        return self.boxes_at(torch.arange(len(self.deltas), device=self.deltas.device))

    def boxes_at(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 4) px."""
        return coder(self.spec).decode(*self._anchors(loc), self.deltas.index_select(0, loc))

    def prior_boxes(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 4) px."""
        return self._anchors(loc)[0]

    def prior_sizes(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 2) px, with the gradient of the branch that shapes the priors."""
        boxes = self.grid.boxes.index_select(0, loc % self.grid.size)
        size, names = boxes[:, 2:] - boxes[:, :2], self._shaping
        for name in names:
            shape = self.branches[name].index_select(0, loc)
            size = size * shape.clamp(-MAX_LOG_SHAPE, MAX_LOG_SHAPE).exp()
        return size

    def encode(self, loc: Tensor, boxes: Tensor) -> Tensor:
        """(M,), (M, 4) px -> (M, 4) in the space of the box branch."""
        return coder(self.spec).encode(*self._anchors(loc), boxes)

    def _anchors(self, loc: Tensor) -> tuple[Tensor, Tensor]:
        """(M,) -> prior boxes (M, 4) px, strides (M, 1) px."""
        prior = loc % self.grid.size
        stride = self.grid.stride.index_select(0, prior)[:, None]
        if not self._shaping:
            return self.grid.boxes.index_select(0, prior), stride
        middle, half = self.grid.centers.index_select(0, prior), self.prior_sizes(loc).detach() / 2
        return torch.cat((middle - half, middle + half), 1), stride

    @property
    def _shaping(self) -> list[str]:
        """The branch that shapes the priors of a guided head, if there is one."""
        return [branch.name for branch in self.spec.branches if branch.prior]

    def log_prob(self, loc: Tensor, cls: Tensor) -> tuple[Tensor, Tensor]:
        """(M,), (M,) -> log p and log(1 - p), each (M,), of p = sigma(class) or sigma(class) sigma(objectness)."""
        c = self.logits.flatten().index_select(0, loc * self.logits.shape[1] + cls)
        if self.implicit is None:
            return logsigmoid(c), logsigmoid(-c)
        o = self.implicit.index_select(0, loc)
        return logsigmoid(c) + logsigmoid(o), torch.logaddexp(logsigmoid(-c), logsigmoid(c) + logsigmoid(-o))

    def box_loss(self, loc: Tensor, boxes: Tensor, kind: BoxKind, beta: float) -> Tensor:
        """(M,), (M, 4) px -> (M,): one of BOX_LOSSES, or an L1 of encoded boxes, summed over the four numbers."""
        if kind in BOX_LOSSES:
            return BOX_LOSSES[kind](self.boxes_at(loc), boxes)
        output = coder(self.spec).activate(self.deltas.index_select(0, loc))
        width = beta if kind == "smooth_l1" else 0.0  # of the quadratic part
        return smooth_l1_loss(output, self.encode(loc, boxes), beta=width, reduction="none").sum(-1)

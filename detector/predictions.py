"""The outputs of the head as an assigner and its loss see them: float32, flat over the batch, differentiable."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, smooth_l1_loss

from assigners.geometry import giou, iou
from assigners.interface import BoxKind, Grid, HeadSpec
from detector.coders import coder


@dataclass(frozen=True)
class DensePredictions:
    """Implements assigners.interface.Predictions."""

    grid: Grid
    images: int  # B
    spec: HeadSpec
    logits: Tensor  # (P, K)
    deltas: Tensor  # (P, 4), as the box branch gives them
    objectness: Tensor | None  # (P,)
    quality: Tensor | None  # (P,)
    progress: float = 0.0

    @property
    def implicit(self) -> bool:
        return self.spec.objectness == "implicit"

    def boxes(self) -> Tensor:
        """(P, 4) px."""
        return self.boxes_at(torch.arange(len(self.deltas), device=self.deltas.device))

    def boxes_at(self, loc: Tensor) -> Tensor:
        """(M,) -> (M, 4) px."""
        return coder(self.spec).decode(self.grid, loc % self.grid.size, self.deltas.index_select(0, loc))

    def log_prob(self, loc: Tensor, cls: Tensor) -> tuple[Tensor, Tensor]:
        """(M,), (M,) -> log p and log(1 - p), each (M,), of p = sigma(class) or sigma(class) sigma(objectness)."""
        c = self.logits.flatten().index_select(0, loc * self.logits.shape[1] + cls)
        if not self.implicit:
            return logsigmoid(c), logsigmoid(-c)
        o = self.objectness.index_select(0, loc)
        return logsigmoid(c) + logsigmoid(o), torch.logaddexp(logsigmoid(-c), logsigmoid(c) + logsigmoid(-o))

    def box_loss(self, loc: Tensor, boxes: Tensor, kind: BoxKind, beta: float) -> Tensor:
        """(M,), (M, 4) px -> (M,): 1 - GIoU, 1 - IoU, or an L1 of encoded boxes, summed over the four numbers."""
        if kind in ("giou", "iou"):
            return 1 - {"giou": giou, "iou": iou}[kind](self.boxes_at(loc), boxes)
        code = coder(self.spec)
        target = code.encode(self.grid, loc % self.grid.size, boxes)
        output = code.activate(self.deltas.index_select(0, loc))
        return smooth_l1_loss(output, target, beta=beta if kind == "smooth_l1" else 0.0, reduction="none").sum(-1)

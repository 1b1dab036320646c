"""SAPD: points about the centre of an object on all levels, softly weighted in space and by level.

Paper: Zhu et al. 2020, arXiv 1911.12448.
No code of the authors was found; follows xuannianz/SAPD `sapd_layers.py` and `losses.py` with the paper's RoIAlign,
its three best levels, and six of twelve epochs with one level alone. Not verified: eta, four convolutions a tower,
whether the spatial weight acts in the first half too (here it does), and whether the losses reach the net through
its probabilities (`coupled`; here not, and never through the normaliser, as there). The normaliser is a mean over the
processes; distances and IoU have FSAF's least values; the net is as wide as the pyramid, the paper's 256 there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from assigners.assigner import Assigner
from assigners.costs import class_cost
from assigners.geometry import centerness, ltrb, scaled
from assigners.interface import Assignment, Grid, HeadSpec, HeadStyle, Objects, Predictions
from assigners.levels import easiest, level_of
from assigners.losses.terms import world_mean
from assigners.losses.weighted import WeightedLoss
from assigners.pairs import Windows, best_per_location, pack_least
from assigners.ranges import Range
from assigners.selection_net import SelectionNet


@dataclass(eq=False)
class SAPD(Assigner):
    core: Annotated[float, Range(0, 1, "of a side", "(]")] = 0.2  # of an object, whose cells are positive
    eta: Annotated[float, Range(0, inf, "exponent")] = 1.0  # of the spatial weight
    selection: Literal["net", "hard"] = "net"  # of levels: by the net's probabilities, or the one of least loss
    hard_until: Annotated[float, Range(0, 1, "of the training")] = 0.5  # where the net takes over; 6 of 12 epochs
    levels: Annotated[int, Range(1, 5, "levels")] = 3  # of largest probability that an object keeps; k of the paper
    coupled: bool = False  # the losses reach the net, too, through the probabilities and not the normaliser
    net_weight: Annotated[float, Range(0, inf, "weight")] = 0.1  # of the net's cross-entropy
    loss: WeightedLoss = WeightedLoss()

    def __post_init__(self):
        self.net = SelectionNet(self.channels, 5) if self.selection == "net" else None

    @property
    def head(self) -> HeadSpec:
        style = HeadStyle(offset=0.5, norm="none", box_bias=0.4, nms_iou=0.5)
        return HeadSpec(base=1.0, coder="ltrb4", pyramid=self.selection == "net", style=style)

    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        loc, gt = cells(grid, scaled(objects.on_host.boxes, self.core), objects.on_host.image)
        distances = ltrb(grid.centers[loc % grid.size], objects.boxes[gt]).clamp(min=0)
        least = self._least_loss_level(preds, objects, loc, gt, distances)  # (N,)
        share, extra = self._levels(grid, objects, preds, least)  # (N, L)
        size = (distances[:, :2] + distances[:, 2:]).prod(1)
        smallest = pack_least(size, gt)
        winner = best_per_location(loc, smallest, torch.ones_like(gt, dtype=torch.bool), len(preds.logits))
        wins = winner.to(distances.dtype)
        in_space = centerness(distances).pow(2 * self.eta) * wins  # no square root
        pos = in_space * share.flatten().index_select(0, gt * len(grid.levels) + level_of(grid, loc))
        total = pos.sum()
        return Assignment(loc=loc, gt=gt, pos=pos, neg=1 - wins, z_pos=total, z_neg=total, extra=extra)

    @torch.no_grad()
    def _least_loss_level(
        self, preds: Predictions, objects: Objects, loc: Tensor, gt: Tensor, distances: Tensor
    ) -> Tensor:
        """(N,) the level of least mean class and box loss of the object's own cells."""
        points = preds.grid.centers[loc % preds.grid.size]
        boxes = torch.cat((points - distances[:, :2], points + distances[:, 2:]), 1)  # reach out to a point beside it
        cost = class_cost(preds, loc, objects.labels[gt], self.loss.alpha, self.loss.gamma)
        cost += self.loss.box_weight * preds.box_loss(loc, boxes, self.loss.box_kind, self.loss.box_beta)
        return easiest(preds.grid, loc, gt, cost, torch.ones_like(cost), len(objects.boxes))

    def _levels(
        self, grid: Grid, objects: Objects, preds: Predictions, least: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """(N, L) weight of each level of an object; the net's loss."""
        hard = (least[:, None] == torch.arange(len(grid.levels), device=least.device)).float()
        if self.net is None:
            return hard, {}
        logits = self.net(grid, preds.pyramid, objects)
        (count,) = world_mean(torch.full((), len(logits), device=logits.device))
        learned = {"level": self.net_weight * cross_entropy(logits, least, reduction="sum") / count}
        if preds.progress < self.hard_until:
            return hard, learned
        share = logits.softmax(1)
        kept = torch.zeros_like(share).scatter(1, share.topk(self.levels, dim=1).indices, 1.0)
        return kept * (share if self.coupled else share.detach()), learned


def cells(grid: Grid, boxes: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """The cells of every level that a box (N, 4) px meets, at least one a level: loc (M,), gt (M,), by object.

    For grids of one prior a cell. The cell of a centre reaches half a stride around it.
    """
    levels = torch.tensor([(v.stride, v.start, v.width, v.height) for v in grid.levels], device=boxes.device)
    stride, start, size = levels[:, :1], levels[:, 1:2], levels[:, 2:]  # (L, 1), (L, 1), (L, 2)
    low, high = (boxes[:, None, at] / stride - grid.offset + 0.5 for at in (slice(2), slice(2, 4)))  # (N, L, 2), cells
    first = torch.minimum(low.floor().clamp(min=0).long(), size - 1)
    stop = torch.maximum(torch.minimum(high.ceil().long(), size), first + 1)
    origin = (image * grid.size)[:, None, None] + start
    columns = (*first[..., None].unbind(-2), *(stop - first)[..., None].unbind(-2), origin, size[:, :1])
    everyone = torch.arange(len(boxes), device=boxes.device)
    return Windows(*columns, 1, grid.boxes.device).pairs(everyone)

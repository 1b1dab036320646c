"""RetinaNet: anchors above a fixed IoU with an object, and each object's best.

Paper: Lin et al. 2017, arXiv 1708.02002.
Follows facebookresearch/detectron2 `modeling/meta_arch/retinanet.py`: an anchor kept for being some object's best
still learns the object that is *its* best. Two differences, both deliberate: an object that meets no anchor keeps
none (there, every anchor without overlap would turn positive), and the normaliser is the paper's count of positives,
averaged over the processes, not a moving average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch

from assigners.assigner import Assigner
from assigners.errors import AssignerError
from assigners.geometry import iou
from assigners.interface import Assignment, Grid, HeadSpec, HeadStyle, Objects, Predictions
from assigners.losses.point import PointLoss
from assigners.pairs import overlapping, pack, segment_max, unpack
from assigners.ranges import Range

HEAD = HeadSpec(
    scales=(1.0, 2 ** (1 / 3), 2 ** (2 / 3)),
    ratios=(0.5, 1.0, 2.0),
    base=4.0,
    coder="delta",
    style=HeadStyle(norm="none", nms_iou=0.5),
)


@dataclass(eq=False)
class RetinaNet(Assigner):
    positive_iou: Annotated[float, Range(0, 1, "IoU", "(]")] = 0.5  # paper, section 4
    negative_iou: Annotated[float, Range(0, 1, "IoU", "(]")] = 0.4  # between the two: ignored
    low_quality: bool = True  # each object keeps its best anchors; detectron2 `allow_low_quality_matches`
    block: Annotated[int, Range(1, 2**31, "pairs")] = 2**18  # at a time; memory, not results
    loss: PointLoss = PointLoss(box_kind="smooth_l1", box_beta=0.1)  # beta: cvpods, the run of Table 5

    def __post_init__(self):
        if self.negative_iou > self.positive_iou:
            raise AssignerError(
                f"negative_iou is {self.negative_iou} and positive_iou {self.positive_iou}: "
                "an anchor would be both. Give negative_iou at most positive_iou."
            )

    @property
    def head(self) -> HeadSpec:
        return HEAD

    @torch.no_grad()
    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        best, favourite = self._match(grid, objects)
        q, object_of = unpack(best)
        listed = (q >= self.positive_iou) | favourite
        loc = listed.nonzero().squeeze(1)
        ones = torch.ones_like(q[loc])
        return Assignment(
            loc=loc,
            gt=object_of[loc],
            pos=ones,
            neg=torch.zeros_like(ones),
            z_pos=ones.sum(),
            z_neg=ones.sum(),
            ignore=(q >= self.negative_iou) & ~listed,
        )

    def _match(self, grid: Grid, objects: Objects) -> tuple[torch.Tensor, torch.Tensor]:
        """(P,) packed best IoU and object of each prior; (P,) bool, whether it is the best of some object."""
        best = objects.labels.new_zeros(grid.size * objects.images)
        favourite = torch.zeros_like(best, dtype=torch.uint8)
        candidates = overlapping(grid, objects.on_host.boxes, objects.on_host.image)
        for block in candidates.blocks(self.block):
            loc, gt = candidates.pairs(block)
            q = iou(grid.boxes[loc % grid.size], objects.boxes[gt])
            best.scatter_reduce_(0, loc, pack(q, gt), "amax")
            largest = segment_max(q, gt, len(objects.boxes))[gt]  # of the object: a block holds all its pairs
            likes = (q == largest) & (q > 0) & self.low_quality
            favourite.scatter_reduce_(0, loc, likes.byte(), "amax")
        return best, favourite.bool()

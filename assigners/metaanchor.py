"""MetaAnchor: a reconstruction without the authors' code, last layers generated from each anchor, RetinaNet's matching.

Paper: Yang et al. 2018, arXiv 1807.00980.
No code of the authors was found and the paper's tables have no row to compare with; this is no reproduction. From the
paper: the last layer of class and of box is, for anchor b, one convolution of parameters theta_b = theta* + R(b), R a
net of two layers that is learned with the detector. Unverified, each a guess:
* b is the log ratio of the anchor's width and height to a standard box, here the base square of the level;
* R is W2 relu(W1 b), without biases, so that the base square itself has theta*;
* R has 32 hidden numbers, and gives weights and biases of the convolution;
* the start: theta* as RetinaNet's layers, W1 of spread 1, W2 of spread 0.001;
* anchors, matching by IoU (0.5 and 0.4, each object keeps its best), losses and test are RetinaNet's.
Left out: the variant in which R sees the features, and anchors at test that differ from those of the training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from assigners.assigner import Assigner
from assigners.interface import Assignment, Grid, HeadSpec, Objects, Predictions
from assigners.losses.point import PointLoss
from assigners.ranges import Range
from assigners.retinanet import HEAD, RetinaNet


@dataclass(eq=False)
class MetaAnchor(Assigner):
    positive_iou: Annotated[float, Range(0, 1, "IoU", "(]")] = 0.5  # RetinaNet's; unverified
    negative_iou: Annotated[float, Range(0, 1, "IoU", "(]")] = 0.4  # between the two: ignored; unverified
    low_quality: bool = True  # each object keeps its best anchors; unverified
    loss: PointLoss = PointLoss(box_kind="smooth_l1", box_beta=0.1)  # RetinaNet's; unverified

    def __post_init__(self):
        limits = {"positive_iou": self.positive_iou, "negative_iou": self.negative_iou}
        self.matching = RetinaNet(self.num_classes, low_quality=self.low_quality, **limits)

    @property
    def head(self) -> HeadSpec:
        return replace(HEAD, variant="metaanchor_reconstruction")

    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        return self.matching.assign(grid, objects, preds)

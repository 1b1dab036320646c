"""The loss of Noisy Anchors: soft targets, and a weight on all outputs of a prior that leaves the sum as it was.

Li et al. 2020; follows henrylee2570/NoisyAnchor `modeling/meta_arch/retinanet_noisy.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated

from torch import Tensor

from assigners.geometry import EPS
from assigners.interface import Assignment, BoxKind, Objects, Predictions
from assigners.losses.focal import negative_sum
from assigners.losses.terms import FOCUS, background, processes, world_sum
from assigners.ranges import Range


@dataclass(frozen=True)
class CleanLoss:
    """alpha r [t (1 - p)^gamma (-log p) + (1 - t) p^gamma (-log(1 - p))] over all outputs, t the target at a pair.

    The w+ of a pair is r, of all classes of its prior and of its box; elsewhere r is 1 and t is 0. A prior is in one
    pair. Both sums are scaled, without gradient, to what they would be with r = 1 everywhere.
    """

    alpha: Annotated[float, Range(0, 1, "weight")] = 0.5  # of both halves; authors' code
    gamma: Annotated[float, FOCUS] = 2.0  # focal loss
    box_kind: BoxKind = "smooth_l1"  # the box loss
    box_beta: Annotated[float, Range(0, inf, "box loss")] = 0.1  # of smooth_l1: where the square ends; 0: l1
    box_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # of the box term

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        log_p, log_q = preds.log_prob(a.loc, cls)
        # What the output of the object's class has beyond the background term, (M,).
        more = a.target * ((1 - log_p.exp()).pow(self.gamma) * -log_p - (self.gamma * log_p).exp() * -log_q)
        r = (~a.ignore).to(a.pos.dtype).index_copy(0, a.loc, a.pos)  # (P,)
        weighted = negative_sum(preds.logits, preds.implicit, r, self.gamma) + (a.pos * more).sum()
        plain = weighted + ((1 - a.pos) * (background(preds, a.loc, self.gamma) + more)).sum()
        error = preds.box_loss(a.loc, objects.boxes[a.gt], self.box_kind, self.box_beta)
        weighted_box, plain_box = (a.pos * error).sum(), error.sum()
        z, *sums = (world_sum(a.z_pos, plain, weighted, plain_box, weighted_box) / processes()).unbind()
        z, keep, keep_box = (
            z.clamp(min=1 / processes()),
            sums[0] / sums[1].clamp(min=EPS),
            sums[2] / sums[3].clamp(min=EPS),
        )
        return {"cls": self.alpha * keep * weighted / z, "box": self.box_weight * keep_box * weighted_box / z}

"""AutoAssign: centre weighting and confidence weighting, learned with the detector.

Paper: Zhu et al. 2020, arXiv 2007.03496.
Follows the authors' code (poodarchu/AutoAssign `auto_assign.py`), which adds to the paper: the centre term
(0.75 N / sum G of an image), alpha = 0.25 on the positives and 0.75 on the negatives, w- inside the probability of the
negative term, min-max over the object's locations as f of equation 11, and sum G as the negative normaliser.
Without centre weighting that sum is the count of the locations inside, 3 to 15 times as large, and the negatives weaken
as much; `normaliser=fixed` keeps the sum of the fixed prior, so that the weights of w+ are all that changes.
Three differences, all deliberate: where objects of one class share a location the smaller w- holds (there, the one
written last); an image without any weight inside adds nothing to the centre term (there, a constant around 1e12
without gradient); and w+ sums to 1 however small C G is (there, the sum is clamped at 1e-12).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from assigners.assigner import Assigner, crowd
from assigners.geometry import center
from assigners.interface import Assignment, Grid, HeadSpec, HeadStyle, Objectness, Objects, Predictions
from assigners.losses.bag import BagLoss
from assigners.losses.focal import negative_sum
from assigners.losses.terms import world_mean
from assigners.pairs import inside, max_iou, nearest_per_level, segment_max, segment_softmax, segment_sum
from assigners.ranges import Range

EPS = 1e-12  # authors' code


@dataclass(eq=False)
class AutoAssign(Assigner):
    center: Literal["none", "fixed", "shared", "category"] = "category"  # Tables 2 and 3
    confidence: Literal["none", "cls", "loc", "joint"] = "joint"  # Tables 2 and 4
    negative: Literal["none", "iou"] = "iou"  # Table 2: its caption drops w- in the first row, section 4.2.1 keeps it
    normaliser: Literal["prior", "fixed"] = "prior"  # of the negatives: sum of G as it is, by which center=none makes
    # them 3 to 15 times weaker, or of the fixed prior
    objectness: Objectness = "implicit"  # Tables 4 and 5
    explicit_loss: Literal["bce", "focal"] = "bce"  # of explicit objectness: mean, or focal sum by locations inside
    fallback: Literal["none", "nearest"] = "none"  # for an object that holds no location
    fallback_topk: Annotated[int, Range(1, 10000, "locations")] = 9  # of largest prior it then gets; mmdet `force_topk`
    tau: Annotated[float, Range(0, inf, "temperature", "()")] = 1 / 3  # equation 9
    box_scale: Annotated[float, Range(0, inf, "factor")] = 5.0  # lambda of equation 5
    center_weight: Annotated[float, Range(0, inf, "weight")] = 0.75  # of the centre term; authors' code
    loss: BagLoss = BagLoss(alpha=0.25)

    def __post_init__(self):
        rows = self.num_classes if self.center == "category" else 1
        learned = self.center in ("shared", "category")
        for name, start in (("mu", torch.zeros(rows, 2)), ("sigma", torch.ones(rows, 2))):  # equation 2, in strides
            self.register_parameter(name, nn.Parameter(start)) if learned else self.register_buffer(name, start)

    @property
    def head(self) -> HeadSpec:
        return HeadSpec(style=HeadStyle(prior_prob=0.02, box_bias=4.0))

    def learned(self) -> dict[str, Tensor]:
        """mu and sigma of equation 2, (K, 2) or (1, 2) each, strides; nothing where they are fixed."""
        return {"mu": self.mu, "sigma": self.sigma} if self.center in ("shared", "category") else {}

    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        loc, gt = self._candidates(grid, objects)
        label, n = objects.labels[gt], len(objects.boxes)
        log_g = self._log_center(grid, objects, loc, gt)
        log_cls, _ = preds.log_prob(loc, label)
        log_loc = -self.box_scale * preds.box_loss(loc, objects.boxes[gt], "giou", 0.0)
        log_p = {"none": 0 * log_cls, "cls": log_cls, "loc": log_loc, "joint": log_cls + log_loc}[self.confidence]
        score = log_p.exp() / self.tau + log_g  # log of C G, equations 9 and 10
        g = log_g.exp()
        return Assignment(
            loc=loc,
            gt=gt,
            pos=segment_softmax(score, gt, n),  # equation 10
            neg=self._negative(preds, objects, loc, gt),
            joint=(log_cls + log_loc).exp(),  # P, equation 8
            z_pos=torch.full((), n, device=loc.device),
            z_neg=g.sum() if self.normaliser == "prior" else log_gauss(_offset(grid, objects, loc, gt)).exp().sum(),
            extra={"center": self._center_term(objects, gt, g)} | self._explicit(preds, objects, loc),
        )

    def _candidates(self, grid: Grid, objects: Objects) -> tuple[Tensor, Tensor]:
        """S_n of every object: loc (M,), gt (M,)."""
        loc, gt = inside(grid, objects.on_host.boxes, objects.on_host.image)
        if self.fallback == "none":
            return loc, gt
        orphans = (segment_sum(torch.ones_like(gt), gt, len(objects.boxes)) == 0).nonzero().squeeze(1)
        boxes, image, k = objects.boxes[orphans], objects.image[orphans], self.fallback_topk
        mu, sigma = (x.detach() for x in self._of_objects(objects.labels[orphans]))
        near = nearest_per_level(grid, boxes, image, k, mu, spread(sigma))  # the k largest of all are among them
        owner = orphans[:, None].expand_as(near)
        offset = _offset(grid, objects, near.flatten(), owner.flatten()).view(*near.shape, 2)
        log_g = log_gauss(offset, mu[:, None], sigma[:, None])
        highest = log_g.sort(dim=1, descending=True, stable=True).indices[:, :k]
        extra_loc, extra_gt = near.gather(1, highest).flatten(), owner.gather(1, highest).flatten()
        return torch.cat((loc, extra_loc)), torch.cat((gt, extra_gt))

    def _of_objects(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """mu and sigma of labels (M,), (M, 2) each, strides."""
        row = labels if len(self.mu) > 1 else torch.zeros_like(labels)
        return self.mu.index_select(0, row), self.sigma.index_select(0, row)

    def _log_center(self, grid: Grid, objects: Objects, loc: Tensor, gt: Tensor) -> Tensor:
        """log G of equation 2, (M,); 0 where there is no centre weighting."""
        log_g = log_gauss(_offset(grid, objects, loc, gt), *self._of_objects(objects.labels[gt]))
        return 0 * log_g if self.center == "none" else log_g

    @torch.no_grad()
    def _negative(self, preds: Predictions, objects: Objects, loc: Tensor, gt: Tensor) -> Tensor:
        """w- of equation 11, (M,): the location of the largest IoU gets 0, that of the least about 1."""
        if self.negative == "none":
            return torch.ones_like(loc, dtype=preds.logits.dtype)
        q = 1 / (1 - max_iou(preds, objects, loc)).clamp(min=EPS)
        n = len(objects.boxes)
        high, low = segment_max(q, gt, n)[gt], -segment_max(-q, gt, n)[gt]
        return 1 - (q - low + EPS) / (high - low + EPS)

    def _center_term(self, objects: Objects, gt: Tensor, g: Tensor) -> Tensor:
        """0.75 mean over the images of N / sum G; keeps the priors from collapsing."""
        count = segment_sum(torch.ones_like(objects.image), objects.image, objects.images)
        total = segment_sum(g, objects.image[gt], objects.images)
        ratio = torch.where(total > EPS, count / total.clamp(min=EPS), 0)
        return self.center_weight * ratio.mean()

    def _explicit(self, preds: Predictions, objects: Objects, loc: Tensor) -> dict[str, Tensor]:
        """Table 4, "explicit-obj": objectness learns by itself which locations lie in a box; the form is ours.

        Its sum has a normaliser of its own: neither G nor the number of objects says how many locations it has.
        """
        if self.objectness != "explicit":
            return {}
        logits, focal = preds.branches["objectness"], self.explicit_loss == "focal"
        within = torch.zeros_like(logits[:, 0]).index_fill(0, loc, 1)
        outside = 1 - within - crowd(preds.grid, objects, loc).to(within.dtype)
        gamma, a = (self.loss.gamma, self.loss.alpha) if focal else (0.0, 0.5)
        positive, negative = negative_sum(-logits, None, within, gamma), negative_sum(logits, None, outside, gamma)
        (z,) = world_mean(within.sum() if focal else (within.sum() + outside.sum()) / 2)
        return {"objectness": (a * positive + (1 - a) * negative) / z}


def _offset(grid: Grid, objects: Objects, loc: Tensor, gt: Tensor) -> Tensor:
    """(M, 2) from the centre of the object to the location, strides of its level."""
    prior = loc % grid.size
    return (grid.centers[prior] - center(objects.boxes)[gt]) / grid.stride[prior, None]


def spread(sigma: Tensor) -> Tensor:
    """The denominator of equation 2; sigma is not constrained."""
    return (2 * sigma.square()).clamp(min=EPS)


def log_gauss(offset: Tensor, mu: Tensor | float = 0.0, sigma: Tensor | None = None) -> Tensor:
    """(..., 2) strides -> (...,) log of equation 2; mu 0 and sigma 1, the fixed prior, where they are not given."""
    return -((offset - mu).square() / (2.0 if sigma is None else spread(sigma))).sum(-1)

"""The base class of every method."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from assigners.interface import OBJECTNESS, Assignment, Grid, HeadSpec, Objects, Predictions
from assigners.pairs import inside

GIVEN = {"given": True}  # mark of a field that the detector gives, which is no setting


@dataclass(eq=False)
class Assigner(nn.Module):
    """A module whose fields are its settings.

    A subclass is a dataclass, too: it states `head` and `loss`, and implements `assign`.
    """

    num_classes: int = field(metadata=GIVEN)  # K
    channels: int = field(default=256, kw_only=True, metadata=GIVEN)  # of the pyramid
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
        if self.objectness == "none":
            return self.head
        branch = replace(OBJECTNESS, implicit=self.objectness == "implicit")
        return replace(self.head, branches=(branch, *self.head.branches))

    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        """Selection and weights. Methods that look at geometry alone leave `preds` untouched."""
        raise NotImplementedError

    def learned(self) -> dict[str, Tensor]:
        """What a method learns beside the network and a reader may want to see, by name: (K, ...) each."""
        return {}

    def priors(self) -> list[nn.Parameter]:
        """Parameters with a learning rate of their own, `optimizer.priors_lr_factor`: its own, not its modules'."""
        return list(self.parameters(recurse=False))

    def remember(self, assignment: Assignment) -> None:
        """What a method carries from one step of a training to the next; nothing, for most."""

    def forward(self, preds: Predictions, objects: Objects) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Loss terms and counts, by name, each a float32 scalar."""
        assignment = self.assign(preds.grid, objects, preds)
        if self.training:
            self.remember(assignment)
        assignment = replace(assignment, ignore=ignored(preds.grid, objects, assignment))
        return self.loss(preds, objects, assignment) | assignment.extra, {"unassigned": unassigned(objects, assignment)}


def unassigned(objects: Objects, assignment: Assignment) -> Tensor:
    """How many objects no pair gives a w+ above 0; scalar."""
    most = assignment.pos.detach().new_zeros(len(objects.boxes))
    return (most.scatter_reduce(0, assignment.gt, assignment.pos.detach(), "amax") == 0).sum(dtype=torch.float32)


def ignored(grid: Grid, objects: Objects, assignment: Assignment) -> Tensor:
    """(P,) bool: the method's own ignored priors, and those in a crowd region that no pair makes an object's.

    A pair of w+ = 0 and w- = 1 is as one that is not listed: its prior would learn the crowd as background.
    """
    weighs = (assignment.pos.detach() > 0) | (assignment.neg.detach() < 1)
    in_crowd = crowd(grid, objects, assignment.loc.where(weighs, grid.size * objects.images))
    return in_crowd if assignment.ignore is None else in_crowd | assignment.ignore


def crowd(grid: Grid, objects: Objects, listed: Tensor) -> Tensor:
    """(P,) bool: in a crowd region and not among `listed` (M,), where P is none. Every dense term leaves them out."""
    loc, _ = inside(grid, objects.on_host.ignore, objects.on_host.ignore_image)
    size = grid.size * objects.images
    in_crowd = torch.zeros(size + 1, dtype=torch.bool, device=loc.device).index_fill(0, loc, True)
    return in_crowd.index_fill(0, listed, False)[:size]

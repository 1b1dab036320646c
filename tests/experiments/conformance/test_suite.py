"""The conformance kit passes what is sound and catches what is broken, each fault by the check meant for it."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import assigners
from assigners.fcos import FCOS
from assigners.geometry import iou
from assigners.interface import QUALITY, HeadSpec, HeadStyle
from experiments.conformance.checks import Trial
from experiments.conformance.page import judge
from experiments.conformance.suite import CHECKS

ROOT = Path(__file__).parents[3]


@dataclass(eq=False)
class Dense(FCOS):
    def assign(self, grid, objects, preds):
        iou(grid.boxes[:, None], objects.boxes[None])
        return super().assign(grid, objects, preds)


@dataclass(eq=False)
class OrderDependent(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, pos=a.pos / (1 + a.gt))


@dataclass(eq=False)
class NaNOnNothing(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, extra={"mean": a.pos.mean()})


@dataclass(eq=False)
class Random(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, pos=a.pos * torch.rand(len(a.pos)))


@dataclass(eq=False)
class AcrossImages(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, loc=a.loc % grid.size)


@dataclass(eq=False)
class Indifferent(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, box=torch.zeros_like(a.box))


@dataclass(eq=False)
class Demanding(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, pos=a.pos.clamp(max=0))


@dataclass(eq=False)
class Leaking(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, extra={"size": preds.boxes().abs().mean()})


@dataclass(eq=False)
class Idle(FCOS):
    @property
    def head(self):
        return HeadSpec(branches=(QUALITY,), style=HeadStyle(offset=0.5))

    def assign(self, grid, objects, preds):
        return replace(super().assign(grid, objects, preds), quality=None)


@dataclass(eq=False)
class CrowdBlind(FCOS):
    def forward(self, preds, objects):
        a = self.assign(preds.grid, objects, preds)
        return self.loss(preds, objects, replace(a, ignore=torch.zeros(len(preds.logits), dtype=torch.bool))), {}


@dataclass(eq=False)
class Rounded(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, extra={"surprise": -(1 - preds.logits.sigmoid()).log().mean()})


@dataclass(eq=False)
class Alone(FCOS):
    def assign(self, grid, objects, preds):
        a = super().assign(grid, objects, preds)
        return replace(a, extra={"own": preds.logits.square().sum() / (1 + a.pos.sum())})


@dataclass(eq=False)
class RemembersAlone(FCOS):
    def __post_init__(self):
        self.register_buffer("positives", torch.zeros(()))

    def remember(self, assignment):
        self.positives += assignment.z_pos


BROKEN = {
    Dense: "memory", OrderDependent: "shuffled", NaNOnNothing: "no object", Random: "determinism",
    AcrossImages: "pairs", Indifferent: "positives", Demanding: "one object", Leaking: "background",
    Idle: "every branch", CrowdBlind: "crowd", Rounded: "bf16", Alone: "two processes",
    RemembersAlone: "two processes",
}  # fmt: skip


@pytest.fixture
def nearest(tmp_path) -> str:
    """The assigner of the README, as a file of one's own."""
    path = tmp_path / "nearest.py"
    path.write_text((ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0])
    return f"{path}:Nearest"


def failing(name: str, pool) -> dict[str, str]:
    """Name and figure of every check that fails."""
    verdicts = {check.name: judge(check, Trial(name, pool)) for check in CHECKS}
    return {name: verdict.figure for name, verdict in verdicts.items() if not verdict.passed}


@pytest.mark.parametrize("name", assigners.METHODS)
def test_every_method_passes(name, two_processes):
    assert failing(name, two_processes) == {}


def test_the_assigner_of_the_readme_passes(nearest, two_processes):
    assert failing(nearest, two_processes) == {}


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_each_fault_is_caught_by_its_check(cls, two_processes):
    (check,) = (check for check in CHECKS if check.name == BROKEN[cls])
    assert not judge(check, Trial(f"{__file__}:{cls.__name__}", two_processes)).passed

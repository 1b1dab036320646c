"""The conformance kit passes what is sound and catches what is broken, each fault by the check meant for it."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import assigners
from assigners.fcos import FCOS
from assigners.geometry import iou
from assigners.interface import QUALITY, HeadSpec, HeadStyle
from experiments.conformance import __main__ as page
from experiments.conformance.checks import Trial
from experiments.conformance.suite import CHECKS

ROOT = Path(__file__).parents[1]


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


BROKEN = {
    Dense: "memory", OrderDependent: "shuffled", NaNOnNothing: "no object", Random: "determinism",
    AcrossImages: "pairs", Indifferent: "positives", Demanding: "one object", Leaking: "background",
    Idle: "every branch", CrowdBlind: "crowd", Rounded: "bf16", Alone: "two processes",
}  # fmt: skip


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as two:
        yield two


@pytest.fixture
def nearest(tmp_path) -> str:
    """The assigner of the README, as a file of one's own."""
    path = tmp_path / "nearest.py"
    path.write_text((ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0])
    return f"{path}:Nearest"


def failing(name: str, pool) -> dict[str, str]:
    """Name and figure of every check that fails."""
    found = {check.name: page.judge(check, Trial(name, pool)) for check in CHECKS}
    return {name: finding.figure for name, finding in found.items() if not finding.passed}


@pytest.mark.parametrize("name", assigners.METHODS)
def test_ours_pass(name, pool):
    assert failing(name, pool) == {}


def test_the_assigner_of_the_readme_passes(nearest, pool):
    assert failing(nearest, pool) == {}


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_each_fault_is_caught_by_its_check(cls, pool):
    (check,) = (check for check in CHECKS if check.name == BROKEN[cls])
    assert not page.judge(check, Trial(f"{__file__}:{cls.__name__}", pool)).passed


FCOS_PLUS = """from dataclasses import dataclass
from assigners.fcos import FCOS


@dataclass(eq=False)
class Own(FCOS):
    def assign(self, grid, objects, preds):
        {}
        return super().assign(grid, objects, preds)
"""


@pytest.mark.parametrize("name", ["2000 objects", "identical", "tiny", "huge"])
def test_a_scene_that_breaks_names_the_line(name, tmp_path, pool):
    path = tmp_path / "own.py"
    path.write_text(FCOS_PLUS.format("if len(objects.boxes) > 1: raise RuntimeError('too many')"))
    (check,) = (check for check in CHECKS if check.name == name)
    found = page.judge(check, Trial(f"{path}:Own", pool))
    assert not found.passed and found.figure == f"RuntimeError: too many (line 8 of {path})"


def command(monkeypatch, pool, name: str) -> int:
    """The exit code of the command, with the test's own processes."""
    monkeypatch.setattr(page, "ProcessPoolExecutor", lambda *_: nullcontext(pool))
    monkeypatch.setattr("sys.argv", ["check", name])
    return page.main()


def test_the_page(monkeypatch, pool, capsys):
    assert command(monkeypatch, pool, "fcos") == 0
    out, _ = capsys.readouterr()
    assert out.count("pass  ") == len(CHECKS) and f"All {len(CHECKS)} passed. 1000 objects" in out
    assert command(monkeypatch, pool, f"{__file__}:Indifferent") == 1
    out, _ = capsys.readouterr()
    assert "FAIL  positives" in out and "likely cause: w+" in out and f"1 of {len(CHECKS)} failed." in out
    assert command(monkeypatch, pool, "autoasign") == 2
    out, err = capsys.readouterr()
    assert out == "" and "Did you mean 'autoassign'?" in err

"""The page of the conformance kit: a verdict for each check, the line that failed, and the exit code."""

from contextlib import nullcontext

import pytest

from experiments.conformance import page
from experiments.conformance.checks import Trial
from experiments.conformance.suite import CHECKS

OWN = """from dataclasses import dataclass, replace

import torch

from assigners.fcos import FCOS


@dataclass(eq=False)
class Own(FCOS):
    def assign(self, grid, objects, preds):
        {}
"""
CROWDED = (
    "if len(objects.boxes) > 1: raise RuntimeError('too many')\n        return super().assign(grid, objects, preds)"
)
INDIFFERENT = "a = super().assign(grid, objects, preds)\n        return replace(a, box=torch.zeros_like(a.box))"


@pytest.fixture
def own(tmp_path):
    """Writes an assigner with this body and gives its name."""

    def write(body: str) -> str:
        path = tmp_path / "own.py"
        path.write_text(OWN.format(body))
        return f"{path}:Own"

    return write


@pytest.mark.parametrize("name", ["2000 objects", "identical", "tiny", "huge"])
def test_a_scene_that_breaks_names_the_line(name, own, two_processes):
    (check,) = (check for check in CHECKS if check.name == name)
    location = own(CROWDED)
    verdict = page.judge(check, Trial(location, two_processes))
    path, _ = location.split(":")
    assert not verdict.passed and verdict.figure == f"RuntimeError: too many (line 11 of {path})"


def test_the_page_says_what_passed_and_what_failed_and_the_exit_code_agrees(command, own, monkeypatch, two_processes):
    monkeypatch.setattr(page, "ProcessPoolExecutor", lambda *_: nullcontext(two_processes))
    code, out, _ = command("--check", "fcos")
    assert code == 0
    assert out.count("pass  ") == len(CHECKS) and f"All {len(CHECKS)} passed. 1000 objects" in out
    code, out, _ = command("--check", own(INDIFFERENT))
    assert code == 1
    assert "FAIL  positives" in out and "likely cause: w+" in out and f"1 of {len(CHECKS)} failed." in out
    code, out, err = command("--check", "autoasign")
    assert code == 2
    assert out == "" and "Did you mean 'autoassign'?" in err

"""What runs are compared with that were stopped or damaged on the way, and this code in another folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

from experiments import run
from experiments.records.run_folder import RunFolder, runs_in
from experiments.runtime.commit import ROOT
from tests.tiny_runs import LONGER, here, words

PACKAGES = ("assigners", "detector", "experiments", "analysis")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> RunFolder:
    """AutoAssign on 24 steps, nothing in its way."""
    runs = tmp_path_factory.mktemp("undisturbed")
    assert here(run, *words(runs, overrides=LONGER))[0] == 0
    return runs_in(runs)[0]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A clean checkout, of one commit, of the code as it is in this tree."""
    target = tmp_path / "checkout"
    target.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":  # of a git worktree
            shutil.copy(path, target)
    git = ["git", "-C", str(target), "-c", "user.name=a", "-c", "user.email=a@b"]
    for line in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *line], check=True)
    return target

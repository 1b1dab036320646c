"""An assigner of an installed package works everywhere a name does: --list, a run, the conformance kit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.records.run_folder import runs_in
from tests.soak.runs import Plan

ROOT = Path(__file__).parents[1]
PROJECT = """
[build-system]
requires = ["setuptools>=68"]
build-backend = "setuptools.build_meta"
[project]
name = "ring"
version = "0.1"
[project.entry-points."assignbench.assigners"]
ring = "ring_assigner:Ring"
[tool.setuptools]
py-modules = ["ring_assigner"]
"""
SOURCE = """from dataclasses import dataclass
from assigners.fcos import FCOS


@dataclass(eq=False)
class Ring(FCOS):
    pass
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder that holds the installed package, for PYTHONPATH."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "ring_assigner.py").write_text(SOURCE)
    line = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    done = subprocess.run([*line, target, source], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip cannot install here: {done.stderr[-300:]}")
    return target


def call(site: Path, *words: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(site), str(ROOT)])
    env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True)


def test_the_list_names_it(site):
    assert ", ring, or FILE.py:CLASS" in call(site, "experiments/run.py", "--list").stdout
    assert "ring" not in call(ROOT, "experiments/run.py", "--list").stdout


def test_it_trains(site, tmp_path):
    done = call(site, "experiments/run.py", *Plan("ring").words(tmp_path, "data.workers=2", "assigner.radius=2.0"))
    assert done.returncode == 0, done.stderr
    (folder,) = runs_in(tmp_path)
    assert folder.is_done() and folder.read_run()["recipe"]["assigner"] == "ring"


def test_it_passes_the_kit(site):
    done = call(site, "-m", "experiments.conformance", "ring")
    assert done.returncode == 0 and "passed." in done.stdout, done.stdout + done.stderr

"""An assigner of an installed package works everywhere a name does: --list, a run, the conformance kit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assigners import METHODS
from experiments.records.run_folder import runs_in
from experiments.runtime.commit import ROOT
from tests.soak.runs import Plan

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
    env.pop("COLUMNS", None)  # of whoever runs the tests: --list keeps within it
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True)


def test_the_list_names_it(site):
    assert _listed(call(site, "experiments/run.py", "--list").stdout) == [*METHODS, "ring"]
    assert _listed(call(ROOT, "experiments/run.py", "--list").stdout) == list(METHODS)


def _listed(out: str) -> list[str]:
    """Names of the assigners, a line each between two headings."""
    lines = out.split("assigners (or FILE.py:CLASS of your own):\n")[1].split("datasets")[0].splitlines()
    return [line.split()[0] for line in lines]


def test_it_trains(site, tmp_path):
    done = call(site, "experiments/run.py", *Plan("ring").words(tmp_path, "data.workers=2", "assigner.radius=2.0"))
    assert done.returncode == 0, done.stderr
    (folder,) = runs_in(tmp_path)
    assert folder.is_done() and folder.read_run().assigner == "ring"


def test_it_passes_the_kit(site):
    done = call(site, "experiments/run.py", "--check", "ring")
    assert done.returncode == 0 and "passed." in done.stdout, done.stdout + done.stderr

"""What a question takes into memory: an answer without torch comes in a moment, one with torch takes nothing else."""

import os
import subprocess
import sys

import pytest

from experiments.runtime.commit import ROOT, code_version

HEAVY = {"torch", "torchvision", "ray", "numpy", "pandas", "scipy", "matplotlib", "pycocotools", "hotcoco"}


def asked(*words: str) -> tuple[int, str, set[str]]:
    """Exit code and stdout of run.py, and the modules that it imported."""
    line = [sys.executable, "-X", "importtime", "experiments/run.py", *words]
    done = subprocess.run(line, cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True)
    rows = [row.split("|") for row in done.stderr.splitlines() if row.startswith("import time:")]
    return done.returncode, done.stdout, {row[2].strip() for row in rows}


@pytest.mark.parametrize(
    ("words", "code", "answer"),
    [
        (["--list"], 0, "autoassign"),
        (["--help"], 0, "--print-config"),
        (["--version"], 0, "commit "),
        (["--assigner", "autoasign"], 2, ""),
        (["--check", "autoasign"], 2, ""),
        (["--dataset", "shape"], 2, ""),
        (["--check-data", "--dataset", "shape"], 2, ""),
        (["--lst"], 2, ""),
        (["--seed", "one"], 2, ""),
    ],
)
def test_an_answer_without_a_run_takes_no_torch(words, code, answer):
    status, out, modules = asked(*words)
    assert status == code and answer in out
    assert "experiments.cli.arguments" in modules and modules & HEAVY == set()


def test_the_version_names_commit_and_folder():
    _, out, _ = asked("--version")
    assert out == f"{out.split(', ')[0]}, commit {code_version()}, {ROOT}\n" and out.startswith("assignbench ")


@pytest.mark.parametrize("dataset", ["shapes", "coco", "voc", "objects365", "widerface"])
def test_the_recipe_is_printed_without_ray_torchvision_and_other_readers(dataset):
    status, out, modules = asked("--print-config", "--dataset", dataset)
    assert status == 0 and f"dataset: {dataset}\n" in out and f"reader: {dataset}\n" in out
    assert modules & {"ray", "torchvision", "pandas", "scipy", "matplotlib", "pycocotools", "hotcoco"} == set()
    readers = {name for name in modules if name.startswith("experiments.data.readers.")}
    assert readers <= {f"experiments.data.readers.{dataset}"}

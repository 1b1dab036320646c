"""A command of one checkout runs that checkout's code, also where another one is installed in the environment."""

import subprocess
import sys

import pytest

from experiments.records.run_folder import runs_in
from experiments.runtime.commit import ROOT, commit_of
from tests.tiny_grids import line

MARKER = """
import sys
print("code:", __file__, sys.modules["detector"].__path__, sys.modules["assigners"].__file__, file=sys.stderr)
"""


@pytest.fixture
def elsewhere(tmp_path):
    """A folder to start commands in, from which the environment's own code is this tree."""
    where = "import experiments; print(experiments.__file__)"
    done = subprocess.run([sys.executable, "-c", where], cwd=tmp_path, capture_output=True, text=True)
    if done.stdout.strip() != str(ROOT / "experiments" / "__init__.py"):
        pytest.skip("this tree is not installed as an editable package")
    return tmp_path


def test_the_version_is_of_the_checkout_that_was_called(checkout, elsewhere):
    words = [sys.executable, checkout / "experiments" / "run.py", "--version"]
    done = subprocess.run(words, cwd=elsewhere, capture_output=True, text=True)
    assert done.stdout.rstrip().endswith(f", commit {commit_of(checkout)}, {checkout}"), done.stderr


@pytest.mark.parametrize("executor", ["process", "ray"])
def test_the_workers_of_a_grid_run_the_code_of_the_checkout_that_was_called(checkout, elsewhere, executor):
    """About 15 s by Ray, which starts a cluster and imports torch in three processes."""
    with (checkout / "experiments" / "training" / "step.py").open("a") as file:
        file.write(MARKER)
    runs = elsewhere / "runs"
    python, _, *words = line(runs, "--only", "row=both", "--workers", "1", "--executor", executor)
    script = checkout / "experiments" / "run.py"
    done = subprocess.run([python, script, *words], cwd=elsewhere, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (folder,) = runs_in(runs)
    assert folder.read_run().environment["commit"] == f"{commit_of(checkout)}" and commit_of(checkout).endswith(
        "-dirty"
    )
    logs = [path.read_text() for path in (runs / "tables" / "logs").glob("*.log")]
    (code,) = [text for log in logs for text in log.splitlines() if text.startswith("code: ")]
    paths = (checkout / "experiments" / "training" / "step.py", [str(checkout / "detector")])
    assert code == f"code: {paths[0]} {paths[1]} {checkout / 'assigners' / '__init__.py'}"

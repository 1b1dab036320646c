"""A grid that nothing disturbed, and the command on small datasets."""

from pathlib import Path

import pytest

from tests.tiny_grids import BOTH, call_here
from tests.tiny_runs import sets

SMALL = ("data.train_images=16", "data.val_images=4")


@pytest.fixture(scope="session")
def undisturbed_grid(tmp_path_factory) -> Path:
    """Table 2, one run after the other in one process."""
    runs = tmp_path_factory.mktemp("undisturbed")
    code, err = call_here(runs, *BOTH, "--executor", "serial")
    assert code == 0 and "2 of 2 runs done" in err
    return runs


@pytest.fixture
def grid(command, tmp_path):
    """Exit code and stderr of a grid of runs on small datasets, in `tmp_path`."""
    return lambda *words: command("--runs", tmp_path, *words, *sets(*SMALL))[::2]

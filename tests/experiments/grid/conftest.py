"""A grid that nothing disturbed, and the command on small datasets."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.decide import answer
from experiments.grid import command as grid_command
from experiments.grid import heads, table_record, until_decided
from experiments.grid.matrices import load_matrix
from tests.made_up_runs import LINE, ROWS, MadeUp, claim
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


@pytest.fixture
def made_up(grid, monkeypatch):
    """Calls the grid with made-up runs and claims of table 2; exit code, stderr."""
    claims = (claim("both", "none"), claim("centre only", "confidence only"))

    def record(*words):
        return replace(table_record.table_record(*words), claims=claims)

    def four_rows(number, profile):
        matrix = load_matrix(number, profile)
        return replace(matrix, rows=tuple(row for row in matrix.rows if row.name in ROWS), claims=())

    monkeypatch.setattr(heads, "load_matrix", four_rows)
    monkeypatch.setattr(until_decided, "table_record", record)
    monkeypatch.setattr(until_decided, "ask", lambda *folders: {t.table: t for t in answer(*folders).tables})

    def call(executor: MadeUp, *words: str) -> tuple[int, str]:
        monkeypatch.setattr(grid_command, "choose_executor", lambda options: executor)
        return grid(*LINE, *words)

    return call

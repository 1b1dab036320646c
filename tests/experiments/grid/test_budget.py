"""What a budget holds: looks, tables in their order, whole seeds; with runs that are made up."""

from dataclasses import replace

import pytest

from experiments.grid import command as grid_command
from experiments.grid import heads
from experiments.records.run_folder import read_table
from tests.made_up_runs import ROWS, MadeUp, decisions


def test_the_budget_is_asked_between_looks_and_a_larger_one_continues(made_up, tmp_path):
    executor = MadeUp()
    code, err = made_up(executor, "--budget", "1.5")  # 1.2 spent, 0.4 needed
    assert code == 0 and "1.20 of 1.5 device hours spent; ends: the next look does not fit the budget" in err
    assert len(executor.made) == 12 and len(decisions(tmp_path).taken) == 1
    made_up(executor, "--budget", "1.6")
    assert len(executor.made) == 16 and [look.goes_on for look in decisions(tmp_path).taken] == [True, False]
    assert decisions(tmp_path).taken[1].hours == pytest.approx(1.6)
    made_up(executor, "--budget", "1.6")
    assert len(executor.made) == 16 and len(decisions(tmp_path).taken) == 2


def test_the_first_tables_go_on_where_the_budget_does_not_hold_all(made_up, tmp_path, monkeypatch):
    of_four_rows = heads.load_matrix

    def other_rate(number, profile):
        matrix = of_four_rows(2, profile)
        rows = tuple(replace(row, set=(*row.set, f"optimizer.weight_decay=0.0{number}")) for row in matrix.rows)
        return replace(matrix, table=number, rows=rows)

    monkeypatch.setattr(heads, "load_matrix", other_rate)
    executor = MadeUp()
    code, err = made_up(executor, "--tables", "2", "3", "--budget", "2.9")  # 2.4 spent, 0.4 needed by each
    assert code == 0 and len(executor.made) == 28, err
    assert (
        "table 2, look 1 of 4 at 3 seeds: 1 confirmed, 1 inconclusive; 2.40 of 2.9 device hours spent; continues" in err
    )
    assert (
        "table 3, look 1 of 4 at 3 seeds: 1 confirmed, 1 inconclusive; 2.40 of 2.9 device hours spent; ends: the" in err
    )
    assert (
        "table 2, look 2 of 4 at 5 seeds: 1 confirmed, 1 inconclusive; 2.80 of 2.9 device hours spent; ends: the" in err
    )


def test_a_budget_without_looks_holds_whole_seeds(made_up, monkeypatch, grid, tmp_path):
    executor = MadeUp()
    monkeypatch.setattr(grid_command, "choose_executor", lambda options: executor)
    words = ("--tables", "2", "--profile", "cpu", "--executor", "serial")
    code, err = grid(*words, "--only", "row=none", "--only", "row=both", "--budget", "0.5")  # 0.2 a seed
    assert code == 0 and "2 of 3 seeds: 0.40 of 0.5 device hours spent, the next seed needs 0.20." in err
    assert [seed for _, seed in executor.made] == [0, 0, 1, 1]
    (path,) = (tmp_path / "tables").glob("*.json")
    assert [list(row.entries["main"].runs) for row in read_table(path).rows] == [[0, 1]] * len(ROWS)
    assert grid(*words, "--only", "row=none", "--only", "row=both", "--budget", "0.61")[0] == 0
    assert [seed for _, seed in executor.made] == [0, 0, 1, 1, 2, 2]

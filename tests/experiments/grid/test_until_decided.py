"""The grid that adds seeds until claims are decided: looks, budget, records and resume, with runs that are made up."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.decide import answer
from experiments.grid import command as grid_command
from experiments.grid import heads, table_record, until_decided
from experiments.grid.decide import ask
from experiments.grid.matrices import load_matrix
from experiments.records.decision_schema import LOOKS, RULE, decisions_path, read_decisions, write_decisions
from experiments.records.run_folder import read_table, runs_in
from experiments.records.table_schema import Claim
from experiments.runtime.errors import UserError
from experiments.runtime.signals import Preempted
from tests.sample_records import result, run_record

LINE = ("--tables", "2", "--profile", "cpu", "--until-decided", "--executor", "serial")
AP = {("none", "none"): 10.0, ("none", "joint"): 20.0, ("category", "none"): 20.2, ("category", "joint"): 40.0}
ROWS = ("none", "confidence only", "centre only", "both")
SECONDS = 360.0  # a run: a tenth of a core hour


def claim(better: str, worse: str) -> Claim:
    return Claim(f"{better}-{worse}", "difference", (better,), (worse,), ("coco",), ("AP",), 2.0, 0.1, "table only")


class MadeUp:
    """Executes nothing: a result by the row's settings and the seed; `dies` after so many runs."""

    def __init__(self, dies: int = 10**6, fails: tuple = ()):
        self.dies, self.fails, self.made = dies, fails, []

    def execute(self, jobs, stop, begin, tick):
        begin()
        for job in jobs:
            if len(self.made) == self.dies:
                raise Preempted("killed")
            settings = {"center": "category", "confidence": "joint"} | job.recipe["settings"]
            row, seed = (settings["center"], settings["confidence"]), job.recipe["seed"]
            self.made.append((row, seed))
            noise = np.random.default_rng([seed, *map(ord, "".join(row))]).standard_normal()
            job.folder.path.mkdir(parents=True, exist_ok=True)
            job.folder.write_run(run_record(id=job.id))
            if (row, seed) in self.fails:
                job.folder.write_failed("by hand", "permanent")
            else:
                ap = (AP[row] + 0.5 * noise) / 100
                job.folder.write_result(result(ap, train_seconds=SECONDS - 2 * 40, eval_seconds=40.0))  # of two alike


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


def decisions(runs):
    (path,) = (runs / "tables").glob("*.json")
    return read_decisions(decisions_path(runs / "tables", read_table(path).name))


def verdicts(runs) -> list[dict[str, str]]:
    return [{state.id: state.verdict for state in look.claims} for look in decisions(runs).taken]


def test_seeds_are_added_where_claims_are_open_alone(made_up, tmp_path):
    executor = MadeUp()
    code, err = made_up(executor)
    taken = decisions(tmp_path)
    assert code == 0 and (taken.looks, taken.rule) == (LOOKS, RULE)
    assert [look.seeds for look in taken.taken] == [3, 5, 7, 10]
    assert [look.reason for look in taken.taken[:3]] == ["claims are open"] * 3 and not taken.taken[-1].goes_on
    assert verdicts(tmp_path)[0] == {"both-none": "confirmed", "centre only-confidence only": "inconclusive"}
    seeds = {row: [s for r, s in executor.made if r == row] for row in AP}
    assert seeds["none", "none"] == [0, 1, 2] == seeds["category", "joint"]
    assert seeds["none", "joint"] == list(range(10)) == seeds["category", "none"]
    assert "look 1 of 4 at 3 seeds: 1 confirmed, 1 inconclusive; 1.20 device hours spent; continues" in err
    entries = {
        row.name: row.entries["main"].runs for row in read_table(next((tmp_path / "tables").glob("*.json"))).rows
    }
    assert {name: len(runs) for name, runs in entries.items()} == {
        "none": 3,
        "confidence only": 10,
        "centre only": 10,
        "both": 3,
    }


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


@pytest.mark.parametrize("dies", [5, 14])
def test_a_killed_grid_takes_the_same_decisions(made_up, tmp_path, dies):
    first = MadeUp(dies)
    assert made_up(first, "--runs", str(tmp_path / "a"))[0] == 75
    again = MadeUp()
    made_up(again, "--runs", str(tmp_path / "a"))
    whole = MadeUp()
    made_up(whole, "--runs", str(tmp_path / "b"))
    assert sorted(first.made + again.made) == sorted(whole.made) and len(whole.made) > 19
    assert decisions(tmp_path / "a") == decisions(tmp_path / "b")


def test_a_failed_run_leaves_its_claim_as_it_was_and_ends_the_grid(made_up, tmp_path):
    executor = MadeUp(fails=((("category", "none"), 4),))
    code, err = made_up(executor)
    assert code == 1 and "by hand" in err
    assert [look.reason for look in decisions(tmp_path).taken] == ["claims are open", "runs are missing"]
    assert len(executor.made) == 16


def test_a_grid_whose_missing_runs_succeed_at_last_goes_on(made_up, tmp_path):
    """The claim that had to wait is open with the seeds that it has, and gets those of the next look."""
    made_up(MadeUp(fails=((("category", "none"), 2),)))
    assert [look.reason for look in decisions(tmp_path).taken] == ["runs are missing"]
    again = MadeUp()
    code, err = made_up(again, "--retry-failed")
    assert code == 0 and again.made[0] == (("category", "none"), 2), err
    assert [look.seeds for look in decisions(tmp_path).taken] == [3, 5, 7, 10]
    whole = MadeUp()
    made_up(whole, "--runs", str(tmp_path / "whole"))
    assert verdicts(tmp_path) == verdicts(tmp_path / "whole")


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


def test_the_plan_says_the_seeds_and_writes_nothing(made_up, tmp_path):
    code, err = made_up(MadeUp(), "--plan")
    assert code == 0 and "12 to do" in err and "  both-none: more than 1000, or unknown until two seeds" in err
    assert list(tmp_path.glob("**/*.json")) == []
    made_up(MadeUp(), "--budget", "0")
    before = {path: path.read_bytes() for path in tmp_path.glob("tables/**/*.json")}
    code, err = made_up(MadeUp(), "--plan")
    assert "  both-none: confirmed\n" in err and "  centre only-confidence only: confirmed at " in err
    assert {path: path.read_bytes() for path in tmp_path.glob("tables/**/*.json")} == before


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


def test_decisions_on_other_runs_do_not_count(made_up, tmp_path):
    made_up(MadeUp(), "--budget", "0")
    executor = MadeUp()
    made_up(executor, "--budget", "0", "--set", "schedule.iterations=100")
    assert len(executor.made) == 12 and len(list(runs_in(tmp_path))) == 24
    kept = [read_decisions(path) for path in (tmp_path / "tables" / "decisions").glob("*.json")]
    assert [len(record.taken) for record in kept] == [1, 1]


def test_decisions_by_another_rule_are_taken_again_from_the_same_runs(made_up, tmp_path):
    made_up(MadeUp())
    (path,) = (tmp_path / "tables" / "decisions").glob("*.json")
    first = read_decisions(path)
    write_decisions(path, replace(first, rule="by hand", taken=first.taken[:1]))
    executor = MadeUp()
    made_up(executor)
    assert executor.made == [] and read_decisions(path) == first


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ([*LINE, "--budget", "-1"], "--budget is a number of hours, 0 or more, got '-1'"),
        ([*LINE, "--budget", "nan"], "--budget is a number of hours, 0 or more, got 'nan'"),
        ([*LINE, "--seeds", "0"], "not allowed with argument"),
        (["--until-decided"], "--until-decided does nothing in a single run: it belongs to --tables"),
        (["--budget", "4"], "--budget does nothing in a single run: it belongs to --tables"),
    ],
)
def test_wrong_words_get_one_line_and_code_2(command, line, sentence):
    code, out, err = command(*line)
    assert (code, out) == (2, "") and sentence in err and err.count("\n") == 1


def test_the_analysis_answers_as_a_process_and_its_error_is_ours(made_up, tmp_path):
    made_up(MadeUp(), "--budget", "0")
    folders = (tmp_path, tmp_path / "tables")
    assert ask(*folders) == {table.table: table for table in answer(*folders).tables}
    with pytest.raises(UserError, match=r"^No table in .* has claims"):
        ask(tmp_path, tmp_path / "none")


def test_tables_without_claims_are_refused(grid, monkeypatch):
    record = table_record.table_record
    monkeypatch.setattr(until_decided, "table_record", lambda *words: replace(record(*words), claims=()))
    code, err = grid(*LINE)
    assert code == 2 and "--until-decided needs claims, and table 2 has none. Leave it out." in err

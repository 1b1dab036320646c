"""The grid that adds seeds until claims are decided: looks, budget, records and resume, with runs that are made up."""

from dataclasses import replace

import pytest

from analysis.decide import answer
from experiments.grid import table_record, until_decided
from experiments.grid.decide import ask
from experiments.records.decision_schema import LOOKS, RULE, read_decisions, write_decisions
from experiments.records.run_folder import read_table, runs_in
from experiments.runtime.errors import UserError
from tests.made_up_runs import AP, LINE, MadeUp, decisions


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


def test_the_plan_says_the_seeds_and_writes_nothing(made_up, tmp_path):
    code, err = made_up(MadeUp(), "--plan")
    assert code == 0 and "12 to do" in err and "  both-none: more than 1000, or unknown until two seeds" in err
    assert list(tmp_path.glob("**/*.json")) == []
    made_up(MadeUp(), "--budget", "0")
    before = {path: path.read_bytes() for path in tmp_path.glob("tables/**/*.json")}
    code, err = made_up(MadeUp(), "--plan")
    assert "  both-none: confirmed\n" in err and "  centre only-confidence only: confirmed at " in err
    assert {path: path.read_bytes() for path in tmp_path.glob("tables/**/*.json")} == before


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

"""Runs of several machines come together whole; what contradicts itself stays where it is."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

import analysis.merge
from experiments.records.decision_schema import (
    LOOKS,
    RULE,
    ClaimState,
    Decisions,
    Look,
    decisions_path,
    read_decisions,
    write_decisions,
)
from experiments.records.run_folder import RunFolder, tables_in, write_table
from experiments.runtime.commit import ROOT
from tests.synthetic import record, result, row, table_of, write_run


@pytest.fixture
def merge(typed):
    return lambda *words: subprocess.CompletedProcess(words, *typed(analysis.merge, *words))


def merge_as_typed(*words):
    line = [sys.executable, "analysis/merge.py", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "tables")


def test_runs_and_tables_come_together(tmp_path):
    a, b, out = tmp_path / "a", tmp_path / "b", tmp_path / "out"
    write_run(a, "x", record(), result(0.1))
    write_run(b, "y", record(seed=1), result(0.2), steps=3)
    write_table(a, table_of(row("r", {0: "x"})))
    write_table(b, table_of(row("r", {1: "y"})))
    (b / "y" / "lock").touch()
    (b / "y" / "checkpoint.pt.7.partial").touch()
    done = merge_as_typed(a, b, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(out) == ["x", "y"] and RunFolder(out / "y").read_result().ap == 0.2
    assert names(out / "y") == ["done", "metrics.jsonl", "run.json"]
    (table,) = tables_in(out)
    assert table.rows[0].entries["main"].runs == {0: "x", 1: "y"}
    again = merge_as_typed(a, b, "--out", out)
    assert again.returncode == 0 and again.stdout.startswith("0 runs came")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((record(), result(0.9)), "differ in the result: metrics"),
        ((record(optimizer__lr=0.5), result(0.1)), "one id with a different recipe"),
        ((record(optimizer__lr=0.5), None), "one id with a different recipe"),
    ],
)
def test_a_conflict_names_both_and_copies_nothing(tmp_path, change, said, merge):
    a, b, out = tmp_path / "a", tmp_path / "b", tmp_path / "out"
    write_run(a, "fine", record(seed=3), result(0.3))
    write_run(a, "x", record(), result(0.1))
    write_run(b, "x", *change)
    done = merge(a, b, "--out", out)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
    assert said in done.stderr and str(a / "x") in done.stderr and str(b / "x") in done.stderr
    assert not out.exists()


def test_clocks_of_two_machines_are_no_conflict(tmp_path, merge):
    write_run(tmp_path / "a", "x", record(), result(0.1))
    write_run(tmp_path / "b", "x", record(), replace(result(0.1), train_seconds=5.0, eval_seconds=1.0))
    assert merge(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out").returncode == 0
    assert RunFolder(tmp_path / "out" / "x").read_result().train_seconds == 70.0  # the first


def test_the_run_that_came_further_wins(tmp_path, merge):
    a, b, out = tmp_path / "a", tmp_path / "b", tmp_path / "out"
    write_run(out, "x", record(), steps=5)
    write_run(a, "x", record(), steps=9)
    assert merge(a, "--out", out).returncode == 0
    assert RunFolder(out / "x").read_metrics()[-1].step == 9
    write_run(b, "x", record(), result(0.4), steps=7)
    assert merge(b, a, "--out", out).returncode == 0
    assert RunFolder(out / "x").is_done() and names(out) == ["x"]


def test_a_run_that_is_at_work_stays(tmp_path):
    a, out = tmp_path / "a", tmp_path / "out"
    write_run(out, "x", record(), steps=5)
    write_run(a, "x", record(), result(0.1))
    with RunFolder(out / "x").locked():  # from another process only
        done = merge_as_typed(a, "--out", out)
    assert done.returncode == 2 and "in use" in done.stderr
    assert names(out) == ["x"] and not (out / "x" / "done").exists()


def test_tables_that_contradict_are_refused(tmp_path, merge):
    a, b, out = tmp_path / "a", tmp_path / "b", tmp_path / "out"
    write_table(a, table_of(row("r", {0: "x"})))
    write_table(b, table_of(row("r", {0: "y"})))
    done = merge(a, b, "--out", out)
    assert done.returncode == 2 and "different runs in row 'r', seed 0" in done.stderr
    write_table(b, table_of(row("other", {0: "x"})))
    assert "not the same table" in merge(a, b, "--out", out).stderr
    next((b / "tables").iterdir()).write_text("[]")
    assert merge(a, b, "--out", out).stderr.startswith("error: Cannot read")


STATE = ClaimState("2.x", "inconclusive", 1, 3, True, 1.0, -1.0, 3.0)
FIRST = Look(3, 1.0, True, "claims are open", (("r", "main"),), (STATE,))
STOPPED = replace(FIRST, goes_on=False, reason="the next look does not fit the budget", hours=1.5)
SECOND = Look(5, 2.0, False, "no claim is open", (), (replace(STATE, verdict="confirmed"),))


def decided(folder, *taken, recipe="x"):
    table = table_of(row("r", {0: "x"}))
    write_table(folder, table)
    path = decisions_path(folder / "tables", table.name)
    write_decisions(path, Decisions(recipe, LOOKS, RULE, taken))
    return path


def test_decisions_come_along_and_the_further_ones_win(tmp_path, merge):
    a, b, c = (tmp_path / name for name in "abc")
    path = decided(a, STOPPED)
    decided(b, FIRST, SECOND)
    write_table(c, table_of(row("r", {0: "x"})))
    for number, sources in enumerate(((a,), (a, b), (b, a), (c, a), (a, c))):
        out = tmp_path / str(number)
        assert merge(*sources, "--out", out).returncode == 0
        taken = (FIRST, SECOND) if b in sources else (STOPPED,)
        assert read_decisions(decisions_path(out / "tables", path.stem)).taken == taken
    decided(c, FIRST)
    assert merge(a, c, "--out", tmp_path / "on").returncode == 0
    assert read_decisions(decisions_path(tmp_path / "on" / "tables", path.stem)).taken == (FIRST,)


def test_decisions_that_contradict_are_refused(tmp_path, merge):
    a, b, out = tmp_path / "a", tmp_path / "b", tmp_path / "out"
    decided(a, FIRST)
    decided(b, replace(FIRST, claims=(replace(STATE, mean=2.0),)))
    done = merge(a, b, "--out", out)
    assert done.returncode == 2 and "decide differently at look 1" in done.stderr and not out.exists()
    decided(b, FIRST, recipe="y")
    assert "decisions on other runs or by another rule" in merge(a, b, "--out", out).stderr


def test_wrong_folders_are_sentences(tmp_path, merge):
    done = merge(tmp_path / "nowhere", "--out", tmp_path / "out")
    assert done.returncode == 2 and done.stderr.startswith("error: There is no folder")
    write_run(tmp_path / "a", "x", record(), result(0.1))
    (tmp_path / "file").touch()
    done = merge(tmp_path / "a", "--out", tmp_path / "file" / "x")
    assert done.returncode == 2 and done.stderr.startswith("error: Cannot copy")


def test_a_left_over_of_a_killed_merge_is_no_run(tmp_path, merge):
    write_run(tmp_path / "a", "x", record(), result(0.1))
    shutil.copytree(tmp_path / "a" / "x", tmp_path / "out" / ".merge.1" / "x")
    assert merge(tmp_path / "a", "--out", tmp_path / "out").stdout.startswith("1 runs came")

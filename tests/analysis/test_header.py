"""The header of a report: what the records of the runs know, and nothing of the machine that renders."""

from dataclasses import replace

from analysis.header import header_of
from analysis.runs import read_runs
from tests.synthetic import record, result, row, table_of, write_run

MACHINE = {"cpu": "a chip", "cores": 2, "memory_gib": 24.0, "gpus": ["big", "big"], "platform": "an os", "processes": 1}
MADE = {"python": "3.0", "torch": "2.9", "commit": "c0ffee", "date": "2001-02-03"} | MACHINE


def of(tmp_path, *environments, tables=()):
    for i, environment in enumerate(environments):
        write_run(tmp_path, f"a{i}", replace(record(seed=i), environment=environment), result(0.5))
    return dict(header_of(read_runs(tmp_path), list(tables)))


def test_one_machine_on_one_day(tmp_path):
    assert of(tmp_path, MADE, MADE) == {
        "Run on": "2001-02-03",
        "Commit": "c0ffee",
        "Versions": "python 3.0, torch 2.9",
        "Hardware": "2 x big, a chip, 2 cores, 24.0 GiB of memory, an os, 1 process a run",
    }


def test_several_are_all_named_with_their_runs(tmp_path):
    later = MADE | {"commit": "beef", "date": "2001-02-01", "torch": "3.0", "cpu": "another", "gpus": []}
    lines = of(tmp_path, MADE, later, later)
    assert lines["Run on"] == "2001-02-01 to 2001-02-03"
    assert lines["Commit"] == "c0ffee (1 run); and beef (2 runs)"
    assert lines["Versions"] == "python 3.0, torch 2.9 (1 run); and python 3.0, torch 3.0 (2 runs)"
    assert "another, 2 cores" in lines["Hardware"] and lines["Hardware"].count("(") == 2


def test_what_no_record_knows_is_left_out(tmp_path):
    write_run(tmp_path, "bad", record()).run.write_text("{")
    assert of(tmp_path) == {} and of(tmp_path, {"torch": "2.9"}) == {"Versions": "torch 2.9"}


def test_overrides_are_in_words_and_the_tuning_is_said(tmp_path):
    plain = replace(table_of(row("a", {})), tuned="By hand.")
    changed = replace(plain, number=3, overrides=("optimizer.lr=0.1", "schedule.batch=8"))
    full = replace(plain, profile="full", tuned="")
    assert of(tmp_path, tables=[changed, full, plain]) == {
        "Set beside the profile cpu": "optimizer.lr is 0.1, schedule.batch is 8 (table 3); and nothing (table 2)",
        "Tuning of the profile cpu": "By hand.",
        "Set beside the profile full": "nothing",
    }

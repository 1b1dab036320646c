"""`run.py --tables` without a run: the plan, the records of the tables, and wrong words."""

import json
from dataclasses import replace
from functools import cache

import pytest

from experiments.cli.arguments import parse
from experiments.grid import command as grid_command
from experiments.grid.entries import DatasetFinder, entries_of
from experiments.grid.matrices import load_matrix, load_profile
from experiments.grid.table_record import table_record
from experiments.records.run_folder import RunFolder, read_table, write_table
from experiments.records.table_schema import ColumnRecord, EntryRecord
from tests.sample_records import result, run_record
from tests.tiny_runs import sets

CPU = ("--profile", "cpu")
CPU_PROFILE = load_profile("cpu")


SMALL = ["data.train_images=16", "data.val_images=4"]  # as the fixture `grid` has it


@cache
def entries_of_table_2():
    return list(entries_of(load_matrix(2, CPU_PROFILE), CPU_PROFILE, [0], SMALL, DatasetFinder(None)))


def ids_of_table_2():
    return [entry.id for entry in entries_of_table_2()]


def record_of_table_2(*overrides, profile=CPU_PROFILE):
    return table_record(load_matrix(2, profile), profile, overrides, "", entries_of_table_2())


def test_a_record_is_kept_by_table_profile_and_recipe(tmp_path):
    real, smoke = record_of_table_2(), record_of_table_2("schedule.iterations=10")
    assert real.name != smoke.name and {real.name[:11], smoke.name[:11]} == {"cpu-table2-"}
    assert len({write_table(tmp_path, table) for table in (real, smoke)}) == 2
    assert record_of_table_2("data.workers=3", "test.evaluator=pycocotools").name == real.name  # change no result
    assert record_of_table_2("optimizer.lr=0.002").name == record_of_table_2("optimizer.lr=2e-3").name
    assert smoke.overrides == ("schedule.iterations=10",) and real.overrides == ()
    tuned_anew = replace(CPU_PROFILE, set=(*CPU_PROFILE.set, "optimizer.lr=1e-3"))
    assert record_of_table_2(profile=tuned_anew).name != real.name
    assert real.claims == load_matrix(2, CPU_PROFILE).claims and real.tuned == CPU_PROFILE.tuned != ""


def test_the_plan_counts_and_runs_nothing(grid, tmp_path):
    code, err = grid("--tables", "2", "3", *CPU, "--seeds", "0", "--plan")
    assert code == 0 and "9 runs (2 further table entries reuse one of them): 0 done, 0 running, 9 to do" in err
    assert "device hours: unknown" in err and "GiB" in err
    assert list(tmp_path.iterdir()) == []
    name = ids_of_table_2()[0]
    done = RunFolder(tmp_path / name)
    done.path.mkdir()
    done.write_run(run_record(id=name))
    done.write_result(result(0.1, train_seconds=320.0, eval_seconds=40.0))
    code, err = grid("--tables", "2", "3", *CPU, "--seeds", "0", "--plan", "--workers", "5")
    assert "1 done, 0 running, 8 to do" in err
    assert "device hours: 1.46; 17:30 with 5 side by side" in err  # 5760 images at 10 a second, 2 evaluations of 40 s


def test_the_file_of_a_table_holds_all_of_it_whatever_runs(grid, tmp_path):
    """The profile real has nothing for Table 6, so that the command ends after writing."""
    code, _ = grid("--tables", "6", "--profile", "real", "--seeds", "0", "4", "--only", "assigner=fcos")
    (path,) = (tmp_path / "tables").glob("real-table6-*.json")
    six = read_table(path)
    assert code == 1 and path.stem == six.name and json.loads(path.read_text())["format"] == 2
    assert [row.reason for row in six.rows] == [""] * 16 and len(six.claims) == 13
    assert six.command.endswith("data.val_images=4") and six.overrides == tuple(SMALL)
    nothing = EntryRecord("", "coco-2x", {}, "the profile real has nothing for coco-2x")
    assert six.rows[0].entries["main"] == nothing


def test_seeds_of_an_earlier_call_stay_in_the_record(tmp_path):
    for seeds in (["0", "4"], ["1"]):
        options, _ = parse(["--tables", "2", *CPU, "--seeds", *seeds, "--runs", str(tmp_path), *sets(*SMALL)])
        asked = grid_command.selected(tables := grid_command.planned_tables(options), options)
        grid_command.write_tables(tables, options)
        assert {entry.seed for entry in asked} == set(map(int, seeds))
    (path,) = (tmp_path / "tables").glob("*.json")
    assert {tuple(row.entries["main"].runs) for row in read_table(path).rows} == {(1, 0, 4)}


def test_the_record_of_a_table_of_several_datasets():
    matrix = load_matrix(7, CPU_PROFILE)
    entries = list(entries_of(matrix, CPU_PROFILE, [0, 4], SMALL, DatasetFinder(None)))
    seven = table_record(matrix, CPU_PROFILE, SMALL, "", entries)
    assert seven.columns[3] == ColumnRecord("Objects365 AP", "objects365", "AP")
    assert [row.name for row in seven.rows] == ["RetinaNet", "FCOS*", "FreeAnchor", "ATSS", "AutoAssign"]
    entry = seven.rows[0].entries["widerface"]
    assert (entry.dataset, entry.stands_for, set(entry.runs)) == ("shapes-widerface", "widerface", {0, 4})
    assert seven.rows[0].paper["WiderFace AP75"] == 47.1
    assert (seven.number, seven.profile, seven.entry_of("voc"), seven.entry_of("coco")) == (7, "cpu", "voc", "")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["--tables", "99", *CPU], "Unknown table '99'"),
        (["--tables", "2", "--profile", "cpus"], "Did you mean 'cpu'?"),
        (["--tables", "2", *CPU, "--only", "dataset=coco"], "Known: shapes"),
        (["--tables", "2", *CPU, "--set", "schedule.iteration=3"], "Did you mean 'iterations'?"),
        (["--tables", "2", *CPU, "--address", "x", "--executor", "serial"], "--address names a Ray cluster"),
        (["--tables", "2", *CPU, "--gpus-per-run", "1.5"], "--gpus-per-run is a part"),
        (["--tables", "2", *CPU, "--gpus-per-run", "999"], "is 999, and this machine has"),
        (["--tables", "2", *CPU, "--executor", "serial", "--workers", "2"], "--workers does nothing with --executor"),
        (["--tables", "2", *CPU, "--ship"], "Name it with --address"),
        (["--tables", "2", *CPU, "--workers", "-1"], "--workers is 1 or more, got -1"),
        (["--tables", "2", *CPU, "--cpus-per-run", "0"], "--cpus-per-run is 1 or more, got 0"),
    ],
)
def test_wrong_words_get_one_line_and_code_2(grid, line, sentence):
    code, err = grid(*line, "--seeds", "0")
    assert code == 2 and sentence in err and "Traceback" not in err


@pytest.mark.parametrize("text", ['{"AP": 0.5}', "{", ""])
def test_a_result_that_cannot_be_read_is_made_again_by_force_alone_and_the_last_line_says_so(grid, tmp_path, text):
    line = ("--tables", "2", *CPU, "--seeds", "0", "--only", "row=none")
    grid(*line, "--plan")
    folder = RunFolder(tmp_path / ids_of_table_2()[0])
    folder.path.mkdir()
    folder.done.write_text(text)
    for more in ((), ("--retry-failed",)):
        code, err = grid(*line, *more)
        assert code == 1 and "is made again with --force alone" in err and "pass --retry-failed" not in err
    assert folder.done.read_text() == text and not folder.lock.exists()
    assert "1 to do" in grid(*line, "--force", "--plan")[1]

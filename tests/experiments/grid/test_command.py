"""`run.py --tables` without a run: the plan, the records of the tables, and wrong words."""

import json

import pytest

from experiments.records.run_folder import RunFolder, read_table
from experiments.records.table_schema import ColumnRecord, EntryRecord
from tests.sample_records import result, run_record

CPU = ("--profile", "cpu")


def test_the_plan_counts_and_runs_nothing(grid, tmp_path):
    code, err = grid("--tables", "2", "3", *CPU, "--seeds", "0", "--plan")
    assert code == 0 and "6 runs (2 further table entries reuse one of them): 0 done, 0 running, 6 to do" in err
    assert "device hours: unknown" in err and "GiB" in err
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
    tables = [read_table(path) for path in (tmp_path / "tables").glob("*.json")]
    ids = [name for table in tables for row in table.rows for name in row.entries["main"].runs.values()]
    done = RunFolder(tmp_path / ids[0])
    done.path.mkdir()
    done.write_run(run_record(id=ids[0]))
    done.write_result(result(0.1, train_seconds=320.0, eval_seconds=40.0))
    code, err = grid("--tables", "2", "3", *CPU, "--seeds", "0", "--plan", "--workers", "5")
    assert "1 done, 0 running, 5 to do" in err
    assert "device hours: 0.67; 8:00 with 5 side by side" in err  # 3200 images at 10 a second, 4 evaluations of 40 s


def test_the_file_of_a_table_holds_all_of_it_whatever_runs(grid, tmp_path):
    code, err = grid("--tables", "7", "6", *CPU, "--seeds", "0", "4", "--only", "assigner=fcos", "--plan")
    assert code == 0 and "6 to do" in err
    seven, six = (read_table(tmp_path / "tables" / f"cpu-table{number}.json") for number in (7, 6))
    assert seven.columns[3] == ColumnRecord("Objects365 AP", "objects365", "AP")
    assert [row.name for row in seven.rows] == ["RetinaNet", "FCOS*", "FreeAnchor", "ATSS", "AutoAssign"]
    entry = seven.rows[0].entries["widerface"]
    assert (entry.dataset, entry.stands_for, set(entry.runs)) == ("shapes-widerface", "widerface", {0, 4})
    assert seven.rows[0].paper["WiderFace AP75"] == 47.1 and seven.command.endswith("data.val_images=4")
    assert (seven.number, seven.profile, seven.name) == (7, "cpu", "cpu-table7")
    assert six.rows[3].reason == "not implemented"
    nothing = EntryRecord("", "coco-2x", {}, "the profile cpu has nothing for coco-2x")
    assert six.rows[0].entries["main"] == nothing
    assert json.loads((tmp_path / "tables" / "cpu-table6.json").read_text())["format"] == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["--tables", "8", *CPU], "Unknown table '8'"),
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
    ids = [row.entries["main"].runs[0] for row in read_table(tmp_path / "tables" / "cpu-table2.json").rows[:1]]
    folder = RunFolder(tmp_path / ids[0])
    folder.path.mkdir()
    folder.done.write_text(text)
    for more in ((), ("--retry-failed",)):
        code, err = grid(*line, *more)
        assert code == 1 and "is made again with --force alone" in err and "pass --retry-failed" not in err
    assert folder.done.read_text() == text and not folder.lock.exists()
    assert "1 to do" in grid(*line, "--force", "--plan")[1]

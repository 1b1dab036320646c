"""The live table on terminals of all sizes, and how little of a grid the driver reads again."""

import io
from statistics import median

import pytest
from rich.console import Console

from experiments.grid.entries import TableEntry
from experiments.grid.matrices import MatrixRow
from experiments.grid.plan import measured_paces
from experiments.grid.progress_table import HEADS, ProgressTable, fitted
from experiments.grid.states import state_of_run
from experiments.recipes.load import load
from experiments.records.run_folder import RunFolder
from tests.sample_records import result, run_record

TITLE = "2 running, 1 failed, 3 done, 93 new; 12:34:56 left"
NUMBERS = ("45000/90000", "123.4", "1:02:03", "0.405")
ROWS = [(f"table 5, AutoAssign with centre weighting, coco, seed {i}", "running", *NUMBERS) for i in range(99)]


def drawn(rows: list[tuple[str, ...]], width: int, height: int, title: str = TITLE) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, height=height).print(fitted(rows, len(rows), title, width, height))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("height", [10, 24, 60])
@pytest.mark.parametrize("width", [40, 50, 60, 80, 120, 200])
def test_numbers_are_whole_and_the_hidden_rows_are_counted(width, height):
    lines = drawn(ROWS, width, height)
    assert max(map(len, lines)) <= width and len(lines) < height
    text = "\n".join(lines)
    assert "…" not in text
    shown = sum("running" in line and "│" in line for line in lines)
    assert shown >= 1 and f"{len(ROWS) - shown} more runs are not shown" in text
    heads = [head for head in HEADS[2:] if head in lines[2] + lines[3]]
    for head, number in zip(HEADS[2:], NUMBERS, strict=True):
        assert text.count(number) == (shown if head in heads else 0)
    assert "seed 0" in text and "table" in text
    assert ("AP" in heads, "steps" in heads) == (True, width >= 50)
    assert (len(heads) == 4) == (width >= 80)


def test_all_rows_of_a_small_grid_are_shown_and_nothing_is_said_of_others():
    text = "\n".join(drawn(ROWS[:3], 80, 24))
    assert text.count("running") == 4 and "not shown" not in text  # the title has one, too


def test_a_name_that_fits_is_not_cut():
    row = ("table 2, none, shapes, seed 0", "new", *NUMBERS)
    assert row[0] in "\n".join(drawn([row], 90, 24))


RECIPE = load("shapes", "fcos", [], 0)
ROW = MatrixRow("FCOS", "fcos", (), "", "", {})


def finish(folder: RunFolder, seconds: float) -> None:
    folder.path.mkdir(exist_ok=True)
    folder.write_run(run_record())
    folder.write_result(result(train_seconds=seconds))


def table_of(runs, names: list[str]) -> ProgressTable:
    folders = {name: RunFolder(runs / name) for name in names}
    entries = {name: TableEntry(2, ROW, "main", "shapes", "coco", 0, "", name, RECIPE) for name in names}
    states = {name: state_of_run(folder) for name, folder in folders.items()}
    return ProgressTable(entries, folders, states, measured_paces(runs), 1)


def test_a_run_that_is_done_is_read_once_however_often_the_driver_looks(tmp_path, monkeypatch, capsys):
    done = [f"done-{n}" for n in range(9)]
    for n, name in enumerate(done):
        finish(RunFolder(tmp_path / name), 100.0 + n)
    table = table_of(tmp_path, [*done, "a", "b"])
    read, files = [], []
    read_result = RunFolder.read_result
    monkeypatch.setattr(
        "experiments.grid.progress_table.state_of_run", lambda f: read.append(f.path.name) or state_of_run(f)
    )
    monkeypatch.setattr(RunFolder, "read_result", lambda f: files.append(f.path.name) or read_result(f))
    with table:
        table.refresh()
        finish(table.folders["a"], 500.0)
        for _ in range(3):
            table.refresh()
    assert read == ["a", "b", "a", "b", "b", "b"] and files == ["a", "a"]  # its AP, and its pace
    assert {name: state.kind for name, state in table.states.items()} == dict.fromkeys([*done, "a"], "done") | {
        "b": "new"
    }
    err = capsys.readouterr().err
    assert err.count("done: table 2, FCOS, shapes, seed 0, AP 0.500 [10 done, 1 new") == 1


def test_the_pace_is_the_median_of_finished_runs_in_whatever_order_they_ended(tmp_path):
    table = table_of(tmp_path, ["a", "b", "c", "d"])
    assert table.remaining() is None and table.summary() == "4 new"
    for count, (name, seconds) in enumerate((("a", 320.0), ("b", 80.0), ("c", 200.0)), 1):
        finish(table.folders[name], seconds)
        table.refresh()
        rates = [16 * 200 / s for s in (320.0, 80.0, 200.0)[:count]]
        pace = table.paces.of(RECIPE)
        assert (pace.images_per_s, pace.eval_s) == (median(rates), 40.0)
        assert pace == measured_paces(tmp_path).of(RECIPE)
    assert table.paces.of(load("shapes", "fcos", ["data.short=96"], 0)) is None
    assert table.summary().startswith("3 done, 1 new; ")

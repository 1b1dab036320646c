"""The grid's paperwork: matrices, profiles, filters, states, the plan, and the files that the analysis reads."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

import assigners
from experiments import run
from experiments.grid import command as grid
from experiments.grid import filters, matrix
from experiments.grid.entries import Finder, spots
from experiments.grid.job import Outcome, Task, settle
from experiments.grid.states import state
from experiments.records.run_folder import RunFolder, write_json
from experiments.runtime.errors import UserError

ROOT = Path(__file__).parents[1]
PAPER = ROOT.parents[0] / "shared" / "paper" / "tables.csv"
SMALL = ["data.train_images=16", "data.val_images=4"]
CPU, FULL = matrix.profile("cpu"), matrix.profile("full")


def all_spots(*tables: int, seeds=(0, 1, 2)):
    finder = Finder(None)
    return [s for t in tables for s in spots(matrix.matrix(t, CPU), CPU, list(seeds), SMALL, finder)]


@pytest.mark.parametrize("table", matrix.tables())
def test_rows_of_a_matrix_name_methods_and_rows_that_exist(table):
    rows = matrix.matrix(table, FULL).rows
    names = [row.name for row in rows]
    assert len(names) == len(set(names))
    assert all(row.method in assigners.available() for row in rows if not row.reason)
    runs = {row.name for row in rows if not row.reason}
    assert all(row.against in runs - {row.name} | {""} for row in rows)


@pytest.mark.skipif(not PAPER.is_file(), reason="../shared/paper/tables.csv is not here")
@pytest.mark.parametrize("table", matrix.tables())
def test_the_figures_are_those_of_the_paper_in_its_order(table):
    with PAPER.open() as file:
        lines = [line for line in csv.DictReader(file) if line["table"] == str(table)]
    figures = [value for row in matrix.matrix(table, FULL).rows for value in row.paper.values()]
    assert figures == [float(line["value"]) for line in lines]


def test_shared_cells_are_one_run():
    found = all_spots(2, 3, 4, 5, 7)
    assert len({spot.id for spot in found if spot.id}) == 99 and not any(spot.reason for spot in found)
    by_name = {(spot.table, spot.row.name): spot.id for spot in found if spot.seed == 0 and spot.key == "main"}
    full = {by_name[place] for place in ((2, "both"), (3, "category"), (4, "full"), (5, "AutoAssign + ImpObj"))}
    assert len(full) == 1
    assert by_name[2, "confidence only"] == by_name[3, "none"] != by_name[2, "none"]


def test_a_filter_takes_every_axis_and_names_what_it_does_not_know():
    found = all_spots(5, 7, seeds=(0, 1))
    assert {s.row.method for s in filters.chosen(found, ["assigner=fcos", "assigner=atss"])} == {"fcos", "atss"}
    only = filters.chosen(found, ["dataset=shapes-voc", "seed=1", "assigner.objectness=implicit"])
    assert [(s.row.name, s.seed, s.dataset) for s in only] == [("AutoAssign", 1, "shapes-voc")]
    assert filters.chosen(found, ["schedule.batch=8", "backbone=resnet18"]) == found
    for word, said in (
        ("assigner=fcs", "Did you mean 'fcos'"),
        ("asigner=fcos", "Did you mean 'assigner'"),
        ("fcos", "axis=value"),
    ):
        with pytest.raises(UserError, match=said):
            filters.chosen(found, [word])


def test_every_reason_stands_and_a_row_of_the_profile_full_waits_for_its_data():
    found = spots(matrix.matrix(6, FULL), FULL, [0], [], Finder(None))
    reasons = {spot.row.name: spot.reason for spot in found}
    assert reasons["SAPD R101"] == "not implemented" and "deformable" in reasons["ATSS X101-64x4d-DCN"]
    assert (
        "--data-root"
        in {s.row.name: s.reason for s in spots(matrix.matrix(7, FULL), FULL, [0], [], Finder(None)) if s.key == "voc"}[
            "ATSS"
        ]
    )
    assert not any(spot.id for spot in found if spot.reason)


def test_the_state_is_read_from_the_folder_alone(tmp_path):
    folder = RunFolder(tmp_path / "run")
    task = Task("run", {}, None, str(tmp_path))
    assert state(folder).kind == "new"
    folder.path.mkdir()
    folder.append([{"step": 1, "images_per_s": 3.0}, {"step": 2, "images_per_s": 4.0}])
    with folder.metrics.open("a") as file:
        file.write('{"step": 3, "im')
    assert (state(folder).kind, state(folder).step, state(folder).images_per_s) == ("stopped", 2, 4.0)
    code = (
        f"import sys; from experiments.records.run_folder import *\n"
        f"with RunFolder(Path({str(folder.path)!r})).locked():\n"
        "    print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        assert state(folder).kind == "running"
        other.stdin.close()
    assert state(folder).kind == "stopped"
    assert [settle(task, Outcome("crash", "killed")), settle(task, Outcome("own", "NaN"))] == [1, 2]
    assert (state(folder).kind, state(folder).reason, state(folder).own) == ("failed", "NaN", True)
    assert folder.read_failed() == {"reason": "NaN", "kind": "own", "tries": 2}
    folder.write_done({"AP": 0.5})
    assert (state(folder).kind, state(folder).ap) == ("done", 0.5)


def test_force_takes_a_result_away_before_any_cell_starts(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_done({"AP": 0.5})
    tasks = [Task("run", {}, None, str(tmp_path))]
    grid.begin(tasks, force=False)
    assert state(folder).kind == "done"
    grid.begin(tasks, force=True)
    assert state(folder).kind == "new" and not folder.failed.exists()


@pytest.fixture
def command(typed, tmp_path):
    """Exit code and stderr of a grid of small cells."""

    def call(*words: str) -> tuple[int, str]:
        return typed(run, "--runs", tmp_path, *words, *(w for text in SMALL for w in ("--set", text)))[::2]

    return call


def test_the_plan_counts_and_runs_nothing(command, tmp_path):
    code, err = command("--tables", "2", "3", "--profile", "cpu", "--seeds", "0", "--plan")
    assert code == 0 and "6 cells (2 more places share one): 0 done, 0 running, 6 left" in err
    assert "device hours: unknown" in err and "GiB" in err
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
    ids = [
        run
        for path in (tmp_path / "tables").glob("*.json")
        for row in json.loads(path.read_text())["rows"]
        for run in row["cells"]["main"]["runs"].values()
    ]
    recipe = {
        "dataset": "shapes",
        "model": {"backbone": "resnet18"},
        "data": {"short": [128]},
        "schedule": {"iterations": 200},
    }
    done = RunFolder(tmp_path / ids[0])
    done.path.mkdir()
    write_json(done.run, {"recipe": recipe})
    write_json(done.done, {"AP": 0.1, "train_seconds": 320.0, "eval_seconds": 40.0})
    code, err = command("--tables", "2", "3", "--profile", "cpu", "--seeds", "0", "--plan", "--workers", "5")
    assert "1 done, 0 running, 5 left" in err
    assert "device hours: 0.67; 8:00 with 5 side by side" in err  # 3200 images at 10 a second, 4 evaluations of 40 s


def test_the_file_of_a_table_holds_all_of_it_whatever_runs(command, tmp_path):
    code, err = command(
        "--tables", "7", "6", "--profile", "cpu", "--seeds", "0", "4", "--only", "assigner=fcos", "--plan"
    )
    assert code == 0 and "6 left" in err
    seven, six = (json.loads((tmp_path / "tables" / f"cpu-table{n}.json").read_text()) for n in (7, 6))
    assert seven["columns"][3] == {"name": "Objects365 AP", "cell": "objects365", "metric": "AP"}
    assert [row["name"] for row in seven["rows"]] == ["RetinaNet", "FCOS*", "FreeAnchor", "ATSS", "AutoAssign"]
    cell = seven["rows"][0]["cells"]["widerface"]
    assert (cell["dataset"], cell["stands_for"], set(cell["runs"])) == ("shapes-widerface", "widerface", {"0", "4"})
    assert seven["rows"][0]["paper"]["WiderFace AP75"] == 47.1 and seven["command"].endswith(SMALL[1])
    assert six["rows"][3]["reason"] == "not implemented"
    assert six["rows"][0]["cells"]["main"] == {
        "dataset": "",
        "stands_for": "coco-2x",
        "runs": {},
        "reason": "the profile cpu has nothing for coco-2x",
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--tables", "8", "--profile", "cpu"], "Unknown table '8'"),
        (["--tables", "2", "--profile", "cpus"], "Did you mean 'cpu'?"),
        (["--tables", "2", "--profile", "cpu", "--only", "dataset=coco"], "Known: shapes"),
        (["--tables", "2", "--profile", "cpu", "--set", "schedule.iteration=3"], "Did you mean 'iterations'?"),
        (
            ["--tables", "2", "--profile", "cpu", "--address", "x", "--executor", "serial"],
            "--address names a Ray cluster",
        ),
        (["--tables", "2", "--profile", "cpu", "--gpus-per-cell", "1.5"], "--gpus-per-cell is a part"),
        (["--tables", "2", "--profile", "cpu", "--gpus-per-cell", "999"], "is 999, and this machine has"),
        (["--tables", "2", "--profile", "cpu", "--ship"], "Name it with --address"),
        (["--tables", "2", "--profile", "cpu", "--workers", "-1"], "--workers is 1 or more, got -1"),
        (["--tables", "2", "--profile", "cpu", "--cpus-per-cell", "0"], "--cpus-per-cell is 1 or more, got 0"),
    ],
)
def test_wrong_words_get_one_line_and_code_2(command, line, said):
    code, err = command(*line, "--seeds", "0")
    assert code == 2 and said in err and "Traceback" not in err

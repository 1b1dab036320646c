"""The report from hand-written records: right numbers, and a reason for every hole."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from analysis.collect import COLUMNS, NO_EFFECT, collect
from analysis.plain_table import flat, markdown, mean_and_half
from experiments.recipes import recipe
from experiments.records.run_folder import RecordError, RunFolder
from experiments.runtime.commit import ROOT

DONE = {"AP": 0.25, "AP50": 0.5, "AP75": 0.2, "APs": 0.1, "APm": 0.3, "APl": 0.4, "train_seconds": 60.0}


def record(assigner="fcos", seed=0, lr=0.01, batch=16, workers=2, settings=None):
    return {
        "recipe": {
            "assigner": assigner,
            "dataset": "shapes",
            "seed": seed,
            "data": {"short": 128, "workers": workers},
            "model": {"backbone": "resnet18"},
            "schedule": {"iterations": 100, "batch": batch, "checkpoint_every": 10},
            "optimizer": {"lr": lr},
            "settings": settings or {},
        },
        "data": {"train": {"digest": "a"}},
    }


def write(runs, name, run, done=None, steps=()):
    folder = RunFolder(runs / name)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_run(run)
    for step in steps:
        folder.append([{"step": step, "loss": 1.0}])
    if done is not None:
        folder.write_done(done)
    return folder


def row(runs):
    table = collect(runs)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 1
    return table.iloc[0]


def markdown_of(runs):
    return markdown(flat(collect(runs)))


def test_a_finished_run(tmp_path):
    write(tmp_path, "a1", record(seed=3, settings={"radius": 1.5}), DONE)
    found = row(tmp_path)
    assert (found.run, found.assigner, found.dataset, found.seed) == ("a1", "fcos", "shapes", 3)
    assert (found.backbone, found.iterations, found.settings) == ("resnet18", 100, "radius=1.5")
    assert (found.status, found.reason, found.AP, found.APl, found.train_seconds) == ("done", "", 0.25, 0.4, 60.0)


def test_settings_show_what_differs_from_the_defaults(tmp_path):
    run = record(settings={"radius": 2.0, "norm": True}) | {"defaults": {"radius": 1.5, "norm": True}}
    write(tmp_path, "a", run, DONE)
    assert row(tmp_path).settings == "radius=2.0"


@pytest.mark.parametrize(
    ("batch", "steps", "reason"),
    [
        (16, (), "not finished: step 0 of 100"),
        (16, (20, 40), "not finished: step 40 of 100"),
        (8, (40,), "not finished: step 40 of 200"),
        (16, (100,), "not evaluated: all 100 steps are trained"),
    ],
)
def test_an_unfinished_run_says_how_far_it_came(tmp_path, batch, steps, reason):
    write(tmp_path, "a", record(batch=batch), steps=steps)
    found = row(tmp_path)
    assert (found.status, found.reason) == ("unfinished", reason)
    assert pd.isna(found.AP)


def test_a_diverged_run_says_so(tmp_path):
    write(tmp_path, "a", record()).append([{"step": 20, "loss": float("nan")}])
    assert row(tmp_path).reason == "not finished: step 20 of 100, the loss is not finite"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"reason": "step 40:\\n not finite"}', "failed: step 40: not finite"),
        ("{", "failed: its reason is unreadable"),
        ("[]", "failed: its reason is unreadable"),
    ],
)
def test_a_failed_run_says_why(tmp_path, content, said):
    folder = write(tmp_path, "a", record(), steps=(20,))
    (folder.path / "failed").write_text(content)
    found = row(tmp_path)
    assert found.status == "failed" and found.reason.startswith(said)
    folder.write_done(DONE)
    assert row(tmp_path).status == "done"  # it was run again


@pytest.mark.parametrize("content", ["{", "{}", '{"recipe": {"assigner": "fcos"}}', '{"recipe": 1}'])
def test_an_unreadable_run_is_a_row(tmp_path, content):
    write(tmp_path, "a", record(), DONE).run.write_text(content)
    found = row(tmp_path)
    assert (found.run, found.status) == ("a", "unfinished")
    assert found.reason.startswith("unreadable run.json: ")


@pytest.mark.parametrize("content", ["{", "{}", json.dumps(DONE | {"AP": "high"})])
def test_an_unreadable_result_is_a_hole(tmp_path, content):
    write(tmp_path, "a", record(), DONE).done.write_text(content)
    found = row(tmp_path)
    assert (found.assigner, found.status) == ("fcos", "unfinished")
    assert found.reason.startswith("unreadable done: ")


def test_a_missing_figure_has_its_reason(tmp_path):
    write(tmp_path, "a", record(), DONE | {"APs": None})
    found = row(tmp_path)
    assert (found.status, found.reason) == ("done", "no ground truth for APs")


def test_a_figure_that_the_protocol_does_not_have_is_no_hole(tmp_path):
    write(tmp_path, "a", record(), DONE | {"protocol": "voc07", "APs": None, "APm": None, "APl": None, "AP75": None})
    assert row(tmp_path).reason == "no ground truth for AP75"
    assert "| - |" in markdown_of(tmp_path)


def test_recipe_is_equal_where_runs_may_be_compared(tmp_path):
    write(tmp_path, "a", record(), DONE)
    write(tmp_path, "b", record("atss", seed=1, workers=0, settings={"k": 9}), DONE)
    write(tmp_path, "c", record(lr=0.02), DONE)
    a, b, c = collect(tmp_path).recipe
    assert a == b != c
    assert NO_EFFECT == recipe.NO_EFFECT


def test_seeds_become_mean_and_interval(tmp_path):
    for seed, ap in enumerate((0.1, 0.2, 0.3)):
        write(tmp_path, f"s{seed}", record(seed=seed), DONE | {"AP": ap})
    write(tmp_path, "t", record("atss"), DONE)
    write(tmp_path, "u", record(lr=0.02), DONE)
    write(tmp_path, "v", record(seed=9), steps=(40,))
    lines = markdown_of(tmp_path).splitlines()
    rows = [line for line in lines if line.startswith("| shapes")]
    assert [line.split(" | ")[1] for line in rows] == ["atss", "fcos", "fcos"]
    pooled = next(line for line in rows if "s0, s1, s2" in line)
    assert "| 0.200 ± 0.248 | 0.500 ± 0.000 |" in pooled  # 4.3027 * 0.1 / sqrt(3)
    assert pooled.endswith("| 3 | s0, s1, s2 |")
    assert "- v (fcos on shapes, seed 9): not finished: step 40 of 100" in lines


def test_a_copied_folder_is_not_another_seed(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, name, record(), DONE)
    assert "| 0.250 |" in markdown_of(tmp_path)
    assert "| 1 | a, b |" in markdown_of(tmp_path)


def test_only_unfinished_runs(tmp_path):
    write(tmp_path, "a", record())
    assert markdown_of(tmp_path).startswith("No finished runs.\n\nUnfinished:\n\n- a (fcos")


def test_one_value_has_no_interval():
    assert [mean_and_half(values) for values in ([], [0.5], [0.5, 0.5])] == ["-", "0.500", "0.500 ± 0.000"]


def command(*words):
    line = [sys.executable, "analysis/report.py", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def test_the_command(tmp_path):
    write(tmp_path / "runs", "a", record(), DONE)
    done = command(tmp_path / "runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == markdown_of(tmp_path / "runs")


def test_a_wrong_folder_is_a_sentence(tmp_path):
    write(tmp_path / "runs", "a", record(), DONE)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for words in ([tmp_path / "empty"], [tmp_path / "no"], [tmp_path / "runs", "--out", tmp_path / "file" / "r"]):
        done = command(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    with pytest.raises(RecordError):
        collect(tmp_path / "no")

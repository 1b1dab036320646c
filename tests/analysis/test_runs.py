"""Runs from hand-written records: right numbers, and a reason for every hole."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from analysis import report
from analysis.plain_table import mean_and_half, plain_markdown, plain_table
from analysis.runs import COLUMNS, frame_of, read_runs
from experiments.records.files import RecordError
from experiments.records.schema import Result, StepRow
from tests.synthetic import record, result, write_run

METRICS = {"AP": 0.25, "AP50": 0.5, "AP75": 0.2, "APs": 0.1, "APm": 0.3, "APl": 0.4}


def done(**metrics) -> Result:
    return result(0.25, seconds=60.0, **METRICS | metrics)


def write(runs, name, run, finished=None, steps=()):
    folder = write_run(runs, name, run, finished)
    folder.append([StepRow(step, {"loss": 1.0}) for step in steps])
    return folder


def only_row(runs):
    table = frame_of(read_runs(runs))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 1
    return table.iloc[0]


def markdown_of(runs):
    return plain_markdown(plain_table(frame_of(read_runs(runs))))


def test_a_finished_run(tmp_path):
    write(tmp_path, "a1", record(assigner="fcos", seed=3, settings={"radius": 1.5}), done())
    row = only_row(tmp_path)
    assert (row.run, row.assigner, row.dataset, row.seed) == ("a1", "fcos", "shapes", 3)
    assert (row.backbone, row.steps, row.settings) == ("resnet18", 100, "radius=1.5")
    assert (row.status, row.reason, row.AP, row.APl, row.train_seconds) == ("done", "", 25, 40, 60)


def test_settings_are_those_that_differ_from_the_defaults(tmp_path):
    settings, defaults = {"radius": 2.0, "norm": True}, {"radius": 1.5, "norm": True}
    write(tmp_path, "a", record(settings=settings, defaults=defaults), done())
    assert only_row(tmp_path).settings == "radius=2.0"


@pytest.mark.parametrize(
    ("reference", "settings"),
    [("autoassign", ""), ("fcos", "model.mode=controlled, model.reference=fcos, model.parts=['norm']")],
)
def test_a_head_in_another_style_is_a_setting_and_the_own_one_is_none(tmp_path, reference, settings):
    """A plot or a plain table of native runs must not take it for one of them."""
    model = {"model__mode": "controlled", "model__reference": reference, "model__parts": ["norm"]}
    write(tmp_path, "a", record(**model), done())
    assert only_row(tmp_path).settings == settings
    write(tmp_path, "a", record(**(model | {"model__mode": "native"})), done())
    assert only_row(tmp_path).settings == ""


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
    write(tmp_path, "a", record(schedule__batch=batch), steps=steps)
    row = only_row(tmp_path)
    assert (row.status, row.reason) == ("unfinished", reason)
    assert pd.isna(row.AP)


def test_a_diverged_run_says_so(tmp_path):
    write(tmp_path, "a", record()).append([StepRow(20, {"loss": float("nan")})])
    assert only_row(tmp_path).reason == "not finished: step 20 of 100, the loss is not finite"


def test_a_failed_run_says_why(tmp_path):
    folder = write(tmp_path, "a", record(), steps=(20,))
    folder.write_failed("step 40:\n not finite", "permanent")
    row = only_row(tmp_path)
    assert (row.status, row.reason) == ("failed", "failed: step 40: not finite")
    for content in ("{", "[]", '{"reason": "old form"}'):
        folder.failed.write_text(content)
        row = only_row(tmp_path)
        assert row.status == "failed" and row.reason.startswith("failed: its reason is unreadable")
    folder.write_result(done())
    assert only_row(tmp_path).status == "done"  # it was run again


@pytest.mark.parametrize("content", ["{", "{}", '{"recipe": {"assigner": "fcos"}}', '{"format": 2, "recipe": 1}'])
def test_an_unreadable_run_is_a_row(tmp_path, content):
    write(tmp_path, "a", record(), done()).run.write_text(content)
    row = only_row(tmp_path)
    assert (row.run, row.status) == ("a", "unfinished")
    assert row.reason.startswith("unreadable run.json: ")


@pytest.mark.parametrize("change", ["{", "{}", {"metrics": {"AP": "high"}}, {"metrics": {"AP": 0.5}}])
def test_an_unreadable_result_is_a_hole(tmp_path, change):
    path = write(tmp_path, "a", record(assigner="fcos"), done()).done
    good = json.loads(path.read_text())
    path.write_text(change if isinstance(change, str) else json.dumps(good | change))
    row = only_row(tmp_path)
    assert (row.assigner, row.status) == ("fcos", "unfinished")
    assert row.reason.startswith("unreadable done: ")


def test_a_missing_figure_has_its_reason(tmp_path):
    write(tmp_path, "a", record(), done(APs=None))
    row = only_row(tmp_path)
    assert (row.status, row.reason) == ("done", "no ground truth for APs")


def test_a_figure_that_the_protocol_does_not_have_is_no_hole(tmp_path):
    write(tmp_path, "a", record(protocol="voc07"), done(APs=None, APm=None, APl=None, AP75=None))
    assert only_row(tmp_path).reason == "no ground truth for AP75"
    assert "| - |" in markdown_of(tmp_path)


def test_recipe_is_equal_where_runs_may_be_compared(tmp_path):
    write(tmp_path, "a", record(), done())
    write(tmp_path, "b", record(assigner="atss", seed=1, data__workers=0, settings={"k": 9}), done())
    write(tmp_path, "c", record(optimizer__lr=0.02), done())
    a, b, c = frame_of(read_runs(tmp_path)).recipe
    assert a == b != c


def test_each_file_of_a_run_is_read_once(tmp_path, monkeypatch):
    folder = write(tmp_path, "a", record(), done())
    reads = []
    original = type(folder.run).read_bytes
    monkeypatch.setattr(type(folder.run), "read_bytes", lambda path: reads.append(path.name) or original(path))
    frame_of(read_runs(tmp_path))
    assert sorted(reads) == ["done", "run.json"]


def test_seeds_become_mean_and_interval(tmp_path):
    for seed, ap in enumerate((0.1, 0.2, 0.3)):
        write(tmp_path, f"s{seed}", record(assigner="fcos", seed=seed), done(AP=ap))
    write(tmp_path, "t", record(assigner="atss"), done())
    write(tmp_path, "u", record(assigner="fcos", optimizer__lr=0.02), done())
    write(tmp_path, "v", record(assigner="fcos", seed=9), steps=(40,))
    lines = markdown_of(tmp_path).splitlines()
    rows = [line for line in lines if line.startswith("| shapes")]
    assert [line.split(" | ")[1] for line in rows] == ["atss", "fcos", "fcos"]
    pooled = next(line for line in rows if "s0, s1, s2" in line)
    assert (
        "| 20.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}24.8 | 50.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.0 |" in pooled
    )  # 4.3027 * 10 / sqrt(3)
    assert pooled.endswith("| 3 | s0, s1, s2 |")
    assert "- v (fcos on shapes, seed 9): not finished: step 40 of 100" in lines


def test_a_copied_folder_is_not_another_seed(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, name, record(), done())
    assert "| 25.0 |" in markdown_of(tmp_path)
    assert "| 1 | a, b |" in markdown_of(tmp_path)


def test_only_unfinished_runs(tmp_path):
    write(tmp_path, "a", record(assigner="fcos"))
    assert markdown_of(tmp_path).startswith("No finished runs.\n\nUnfinished:\n\n- a (fcos")


def test_one_value_has_no_interval():
    assert [mean_and_half(values) for values in ([], [50.0], [50.0, 50.0])] == [
        "-",
        "50.0",
        "50.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.0",
    ]


def test_reasons_do_not_name_the_folder_of_this_machine(tmp_path):
    write(tmp_path, "a", record(), done()).run.write_text("{")
    assert str(tmp_path) not in only_row(tmp_path).reason


def test_the_command(tmp_path, typed):
    write(tmp_path / "runs", "a", replace(record()), done())
    assert typed(report, tmp_path / "runs") == (0, markdown_of(tmp_path / "runs"), "")


def test_a_wrong_folder_is_a_sentence(tmp_path, typed):
    write(tmp_path / "runs", "a", record(), done())
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for words in ([tmp_path / "empty"], [tmp_path / "no"], [tmp_path / "runs", "--out", tmp_path / "file" / "r"]):
        code, out, err = typed(report, *words)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1
    with pytest.raises(RecordError):
        read_runs(tmp_path / "no")

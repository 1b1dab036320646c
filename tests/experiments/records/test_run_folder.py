"""The run folder: whole files or none, torn lines cut, no file that is half there."""

import math
import os
import subprocess
import sys

import pytest

from experiments.records.files import RecordError
from experiments.records.run_folder import RunFolder, last_row, runs_in
from experiments.records.schema import StepRow
from experiments.runtime.commit import ROOT
from tests.sample_records import result, run_record


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path / "a")
    run.path.mkdir(parents=True, exist_ok=True)
    return run


def test_a_row_comes_back(folder):
    folder.append([StepRow(20, {"loss": 1.5})])
    folder.append([StepRow(40, {"loss": 1.0})])
    assert folder.read_metrics() == [StepRow(20, {"loss": 1.5}), StepRow(40, {"loss": 1.0})]
    assert last_row(folder) == StepRow(40, {"loss": 1.0})


def test_no_metrics_are_no_rows(folder):
    folder.truncate_metrics(0)
    assert folder.read_metrics() == []
    assert last_row(folder) is None
    assert not folder.metrics.exists()


@pytest.mark.parametrize("torn", [b'{"st', b'{"step": 40}', b"\xc3", b"\0\0"])
def test_a_torn_last_line_is_cut(folder, torn):
    folder.append([StepRow(20, {})])
    with folder.metrics.open("ab") as file:
        file.write(torn)
    assert folder.read_metrics() == [StepRow(20, {})]
    folder.truncate_metrics(20)
    folder.append([StepRow(40, {})])
    assert folder.read_metrics() == [StepRow(20, {}), StepRow(40, {})]


@pytest.mark.parametrize("broken", ["{", "[1]", '{"loss": 1}', '{"step": "40"}', '{"step": true}'])
def test_a_broken_line_before_the_last_is_an_error_that_names_it(folder, broken):
    folder.metrics.write_text(f'{{"step": 20}}\n{broken}\n{{"step": 60}}\n')
    with pytest.raises(RecordError, match=r"line 2 of .*metrics\.jsonl"):
        folder.read_metrics()


def test_truncation_keeps_rows_up_to_the_step(folder):
    for step in (20, 40, 60):
        folder.append([StepRow(step, {})])
    folder.truncate_metrics(40)
    assert [row.step for row in folder.read_metrics()] == [20, 40]


def test_what_is_not_finite_becomes_null(folder):
    folder.append([StepRow(1, {"loss": math.nan})])
    folder.write_result(result(ap=math.nan, per_class={"a": math.inf, "b": 0.5, "c": -math.inf}))
    assert folder.read_metrics() == [StepRow(1, {"loss": None})]
    assert folder.read_result() == result(ap=None, per_class={"a": None, "b": 0.5, "c": None})
    assert b"NaN" not in folder.metrics.read_bytes() + folder.done.read_bytes()


def test_a_write_leaves_no_second_file(folder):
    folder.write_run(run_record())
    folder.write_run(run_record({"seed": 1}))
    assert [path.name for path in folder.path.iterdir()] == ["run.json"]
    assert folder.read_run() == run_record({"seed": 1})


def test_a_write_that_fails_leaves_the_old_file(folder, monkeypatch):
    folder.write_run(run_record())
    with pytest.raises(TypeError):
        folder.write_run(run_record({"model": object()}))
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        folder.write_run(run_record({"seed": 2}))
    assert folder.read_run() == run_record()
    assert len(list(folder.path.iterdir())) == 1


def test_done_is_the_last_word(folder):
    assert not folder.is_done()
    folder.write_result(result(0.25))
    assert folder.is_done()
    assert folder.read_result() == result(0.25)


def test_each_failure_counts_its_try(folder):
    assert folder.read_failed() is None
    for reason, kind in (("killed", "transient"), ("NaN", "permanent")):
        folder.write_failed(reason, kind)
    failure = folder.read_failed()
    assert (failure.reason, failure.kind, failure.tries) == ("NaN", "permanent", 2)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\udcff"])
def test_an_unreadable_record_is_named(folder, content):
    folder.run.write_text(content, errors="surrogateescape")
    with pytest.raises(RecordError, match=r"run\.json"):
        folder.read_run()


def test_a_missing_record_is_named(folder):
    with pytest.raises(RecordError, match=r"done.*No such file"):
        folder.read_result()


@pytest.mark.parametrize("text", ["[]", '{"format": 2, "points": 3}', '{"format": 2, "points": [{"AP": 1}]}', "{"])
def test_a_curve_that_is_none_is_named(folder, text):
    folder.curve.write_text(text)
    with pytest.raises(RecordError, match=r"Cannot read .*curve\.json"):
        folder.read_curve()


def test_tidy_drops_what_is_half_written_and_clear_all_but_the_record(folder):
    names = ("metrics.jsonl", "checkpoint.pt", "checkpoint.previous.pt", "detections.npz", "done", "run.json")
    for name in (*names, "done.7.partial"):
        (folder.path / name).write_text("")
    folder.tidy()
    assert {path.name for path in folder.path.iterdir()} == set(names)
    for name in ("matches.npz", "matches.APs.npz", "curve.json", "nonfinite.pt", "failed"):
        (folder.path / name).write_text("")
    folder.clear()
    assert {path.name for path in folder.path.iterdir()} == {"run.json"}


def test_runs_are_the_folders_with_a_run_json(tmp_path):
    for name in ("b", "a", "no"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        RunFolder(tmp_path / name).write_run(run_record())
    assert [run.path.name for run in runs_in(tmp_path)] == ["a", "b"]
    with pytest.raises(RecordError, match="no folder"):
        runs_in(tmp_path / "nowhere")


def test_a_folder_in_use_is_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    code = (
        "from pathlib import Path; from experiments.records.run_folder import RunFolder\n"
        f"with RunFolder(Path({str(folder.path)!r})).locked(): pass"
    )
    with folder.locked():
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert RecordError.__name__ in done.stderr and f"process {os.getpid()} on" in done.stderr
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0

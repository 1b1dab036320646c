"""The run folder: whole files or none, torn lines cut, one hash for one content."""

import math
import os
import subprocess
import sys

import pytest

from experiments.records.run_folder import RecordError, RunFolder, hash_of, runs_in, write_json
from experiments.runtime.commit import ROOT, commit
from experiments.training.environment import environment


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path / "a")
    run.path.mkdir(parents=True, exist_ok=True)
    return run


def test_a_row_comes_back(folder):
    folder.append([{"step": 20, "loss": 1.5}])
    folder.append([{"step": 40, "loss": 1.0}])
    assert folder.read_metrics() == [{"step": 20, "loss": 1.5}, {"step": 40, "loss": 1.0}]


def test_no_metrics_are_no_rows(folder):
    folder.truncate_metrics(0)
    assert folder.read_metrics() == []
    assert not folder.metrics.exists()


@pytest.mark.parametrize("torn", [b'{"st', b'{"step": 40}', b"\xc3", b"\0\0"])
def test_a_torn_last_line_is_cut(folder, torn):
    folder.append([{"step": 20}])
    with folder.metrics.open("ab") as file:
        file.write(torn)
    assert folder.read_metrics() == [{"step": 20}]
    folder.truncate_metrics(20)
    folder.append([{"step": 40}])
    assert folder.read_metrics() == [{"step": 20}, {"step": 40}]


@pytest.mark.parametrize("broken", ["{", "[1]", '{"loss": 1}'])
def test_a_broken_line_before_the_last_is_an_error_that_names_it(folder, broken):
    folder.metrics.write_text(f'{{"step": 20}}\n{broken}\n{{"step": 60}}\n')
    with pytest.raises(RecordError, match=r"line 2 of .*metrics\.jsonl"):
        folder.read_metrics()


def test_truncation_keeps_rows_up_to_the_step(folder):
    for step in (20, 40, 60):
        folder.append([{"step": step}])
    folder.truncate_metrics(40)
    assert [row["step"] for row in folder.read_metrics()] == [20, 40]


def test_what_is_not_finite_becomes_null(folder):
    folder.append([{"step": 1, "loss": math.nan}])
    folder.write_done({"AP": math.nan, "per_class": {"a": math.inf, "b": [0.5, -math.inf]}})
    assert folder.read_metrics() == [{"step": 1, "loss": None}]
    assert folder.read_done() == {"AP": None, "per_class": {"a": None, "b": [0.5, None]}}
    assert b"NaN" not in folder.metrics.read_bytes() + folder.done.read_bytes()


def test_a_write_leaves_no_second_file(folder):
    folder.write_run({"recipe": {}})
    folder.write_run({"recipe": {"seed": 1}})
    assert [path.name for path in folder.path.iterdir()] == ["run.json"]
    assert folder.read_run() == {"recipe": {"seed": 1}}


def test_a_write_that_fails_leaves_the_old_file(folder, monkeypatch):
    folder.write_run({"seed": 1})
    with pytest.raises(TypeError):
        folder.write_run({"seed": object()})
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        folder.write_run({"seed": 2})
    assert folder.read_run() == {"seed": 1}
    assert len(list(folder.path.iterdir())) == 1


def test_done_is_the_last_word(folder):
    assert not folder.is_done()
    folder.write_done({"AP": 0.25})
    assert folder.is_done()
    assert folder.read_done() == {"AP": 0.25}


@pytest.mark.parametrize("content", ["", "{", "[1]", "\udcff"])
def test_an_unreadable_record_is_named(folder, content):
    folder.run.write_text(content, errors="surrogateescape")
    with pytest.raises(RecordError, match=r"run\.json"):
        folder.read_run()


def test_a_missing_record_is_named(folder):
    with pytest.raises(RecordError, match=r"done.*No such file"):
        folder.read_done()


def test_tidy_drops_what_is_half_written_and_clear_all_but_the_record(folder):
    names = ("metrics.jsonl", "checkpoint.pt", "checkpoint.previous.pt", "detections.npz", "done", "run.json")
    for name in (*names, "done.7.partial"):
        (folder.path / name).write_text("")
    folder.tidy()
    assert {path.name for path in folder.path.iterdir()} == set(names)
    folder.clear()
    assert {path.name for path in folder.path.iterdir()} == {"run.json"}


def test_runs_are_the_folders_with_a_run_json(tmp_path):
    for name in ("b", "a", "no"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        write_json(tmp_path / name / "run.json", {})
    assert [run.path.name for run in runs_in(tmp_path)] == ["a", "b"]
    with pytest.raises(RecordError, match="no folder"):
        runs_in(tmp_path / "nowhere")


def test_hash_depends_on_content_only():
    assert hash_of({"a": 1, "b": {"c": (1, 2), "d": None}}) == hash_of({"b": {"d": None, "c": [1, 2]}, "a": 1})
    assert hash_of({"a": 1}) != hash_of({"a": 2})
    assert hash_of({"a": 1}) == "015abd7f5cc5"  # the names of run folders must not change between versions
    with pytest.raises(ValueError):
        hash_of(math.nan)


def test_records_need_the_standard_library_only():
    wanted = "{'torch', 'numpy', 'pandas', 'yaml'}"
    code = f"import sys, experiments.records.run_folder; print(sorted({wanted} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_environment_is_plain_and_complete(tmp_path):
    found = environment()
    write_json(tmp_path / "e.json", found)
    assert {"python", "torch", "torchvision", "pycocotools", "numpy", "ray", "commit", "cpu", "cores"} <= set(found)
    assert {"memory_gib", "gpus", "platform"} <= set(found)


def test_commit_is_that_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit(tmp_path) == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    assert len(commit(tmp_path)) == 40
    (tmp_path / "new.py").touch()
    assert commit(tmp_path).endswith("-dirty")
    (tmp_path / "inside").mkdir()
    assert commit(tmp_path / "inside") == "unknown"  # a checkout around it is not its own

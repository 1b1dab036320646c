"""What a run keeps of a step whose numbers were not finite, and its replay, which runs no code of strangers."""

import sys
from dataclasses import replace

import torch

from detector.detector import Detector
from experiments import replay
from experiments.recipes.load import load
from experiments.recipes.recipe import plain
from experiments.records.run_folder import RunFolder, runs_in
from experiments.training import checkpoint
from tests.pickles import archive, code
from tests.sample_records import run_record
from tests.tiny_runs import words

BROKEN = ("optimizer.kind=sgd", "optimizer.lr=1e30", "optimizer.clip=0", "schedule.warmup=0")


def folder_of(runs, **changes) -> RunFolder:
    """With a record; changes: of its recipe."""
    folder = RunFolder(runs / "a")
    folder.path.mkdir(parents=True)
    folder.write_run(run_record(plain(load("shapes", "fcos", [], 0)) | changes))
    return folder


def test_bad_numbers_stop_before_the_weights_and_can_be_replayed(command, tmp_path, monkeypatch, capsys):
    code, _, err = command(*words(tmp_path, overrides=BROKEN))
    folder = runs_in(tmp_path)[0]
    assert code == 2 and "not finite" in err and str(folder.broken) in err
    state = torch.load(folder.broken, weights_only=True)
    assert all(t.isfinite().all() for t in state["model"].values() if t.is_floating_point())
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken)])
    assert replay.main() == 0
    out = capsys.readouterr().out
    assert out.count("image ") == 4 and "<-- not finite" in out


def test_a_step_of_a_bf16_run_is_replayed_in_float32(command, tmp_path, monkeypatch, capsys):
    """A CPU's bf16 would put other numbers that are not finite beside those of the run."""
    command(*words(tmp_path, overrides=BROKEN))
    folder = runs_in(tmp_path)[0]
    record = folder.read_run()
    folder.write_run(replace(record, recipe=record.recipe | {"schedule": record.recipe["schedule"] | {"bf16": True}}))
    seen = []
    forward = Detector.forward
    monkeypatch.setattr(Detector, "forward", lambda *a: (seen.append(torch.is_autocast_enabled("cpu")), forward(*a))[1])
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken)])
    assert replay.main() == 0 and "on the CPU, it is float32" in capsys.readouterr().out
    assert seen == [False] * 4


def test_numbers_kept_for_the_replay_run_no_code(tmp_path, monkeypatch, capsys):
    folder = folder_of(tmp_path / "runs")
    archive(folder.broken, code(tmp_path / "witness"))
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken)])
    assert replay.main() == 2 and "damaged" in capsys.readouterr().err
    assert not (tmp_path / "witness").exists()


def test_the_code_that_a_record_names_runs_only_where_it_is_trusted(tmp_path, monkeypatch, capsys):
    own = f"{tmp_path}/own.py:Own"
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'witness')!r}, 'w')")
    folder = folder_of(tmp_path / "runs", assigner=own)
    checkpoint.write({"classes": 3}, folder.broken)
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken)])
    assert replay.main() == 2 and f"add --assigner {own}" in capsys.readouterr().err
    assert not (tmp_path / "witness").exists()
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken), "--assigner", own])
    assert replay.main() == 2 and (tmp_path / "witness").exists()

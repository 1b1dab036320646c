"""Files from strangers run no code, take no memory beyond their size, and write nothing outside their folder."""

import io
import json
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.collect import collect
from experiments import replay
from experiments.protocols.interface import Detections
from experiments.recipes import recipe
from experiments.records.run_folder import RecordError, RunFolder, write_json
from experiments.runtime.errors import UserError
from experiments.training import checkpoint

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    found = RunFolder(tmp_path / "runs" / "a")
    found.path.mkdir(parents=True)
    return found


def code(witness: Path) -> bytes:
    """A pickle, written by hand, that makes a file when it is loaded."""
    return b"cos\nsystem\n(S'touch " + str(witness).encode() + b"'\ntR."


def archive(path: Path, data: bytes, name: str = "checkpoint/data.pkl", kind: int = zipfile.ZIP_STORED) -> None:
    """What torch writes, with `data` for its pickle."""
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr(name, data)
        file.writestr("checkpoint/version", b"3\n")
        file.writestr("checkpoint/byteorder", b"little")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "bare"])
def test_a_checkpoint_runs_no_code(folder, tmp_path, zipped):
    data = code(tmp_path / "witness")
    archive(folder.checkpoint, data) if zipped else folder.checkpoint.write_bytes(data)
    assert checkpoint.read(folder.checkpoint, CPU) is None
    model = torch.nn.Linear(2, 2)
    with pytest.raises(UserError, match=r"No checkpoint of .* is whole"):
        checkpoint.load(folder, model, torch.optim.AdamW(model.parameters()), CPU)
    assert not (tmp_path / "witness").exists()


def test_numbers_kept_for_the_replay_run_no_code(folder, tmp_path, monkeypatch, capsys):
    archive(folder.broken, code(tmp_path / "witness"))
    write_json(folder.run, {"recipe": recipe.plain(recipe.load("shapes", "fcos", [], 0))})
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken)])
    assert replay.main() == 2 and "damaged" in capsys.readouterr().err
    assert not (tmp_path / "witness").exists()


def test_the_code_that_a_record_names_runs_only_where_it_is_trusted(folder, tmp_path, monkeypatch, capsys):
    own = f"{tmp_path}/own.py:Own"
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'witness')!r}, 'w')")
    write_json(folder.run, {"recipe": recipe.plain(recipe.load("shapes", "fcos", [], 0)) | {"assigner": own}})
    checkpoint.write({"classes": 3}, folder.broken)
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken)])
    assert replay.main() == 2 and f"add --assigner {own}" in capsys.readouterr().err
    assert not (tmp_path / "witness").exists()
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken), "--assigner", own])
    assert replay.main() == 2 and (tmp_path / "witness").exists()


def test_a_recipe_names_no_code(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text((recipe.FOLDER / "shapes.yaml").read_text() + f"assigner: {tmp_path}/own.py:Own\n")
    with pytest.raises(UserError, match="names assigner"):
        recipe.load(str(path), "fcos", [], 0)


def test_detections_run_no_code(folder, tmp_path):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    archive(folder.detections, head.getvalue() + code(tmp_path / "witness"), "image.npy")
    with pytest.raises(RecordError, match="detections"):
        Detections.load(folder.detections)
    assert not (tmp_path / "witness").exists()


def test_memory_is_bounded_by_the_file(folder):
    archive(folder.checkpoint, bytes(10**8), kind=zipfile.ZIP_DEFLATED)
    assert folder.checkpoint.stat().st_size < 10**6 and checkpoint.read(folder.checkpoint, CPU) is None
    # weights_only lets this one through, and bytearray fills what it takes
    archive(folder.checkpoint, b"\x80\x02cbuiltins\nbytearray\n\x8a\x05" + (10**11).to_bytes(5, "little") + b"\x85R.")
    assert checkpoint.read(folder.checkpoint, CPU) is None
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)})
    archive(folder.detections, head.getvalue(), "image.npy")
    with pytest.raises(RecordError):
        Detections.load(folder.detections)


def test_what_another_run_saved_is_refused_whole(folder):
    """Moments of the wrong shape, name or number would only fail in the first step."""
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoint.save(folder, model, optimizer, checkpoint.Spent(4, 1.5))
    assert checkpoint.load(folder, model, optimizer, CPU) == checkpoint.Spent(4, 1.5)
    for change in (
        lambda s: s["optimizer"]["state"][0].update(exp_avg=torch.zeros(7)),
        lambda s: s["optimizer"]["state"][1].pop("exp_avg_sq"),
        lambda s: s["optimizer"].update(state=3),
        lambda s: s.update(step=-1),
        lambda s: s.update(step=float("inf")),
        lambda s: s.update(seconds=float("nan")),
        lambda s: s.update(model=[1]),
    ):
        state = checkpoint.read(folder.checkpoint, CPU)
        change(state)
        checkpoint.write(state, folder.checkpoint)
        with pytest.raises(UserError, match="another model"):
            checkpoint.load(folder, model, optimizer, CPU)
        checkpoint.save(folder, model, optimizer, checkpoint.Spent(4, 1.5))


def test_hyperparameters_come_from_the_recipe_not_from_the_file(folder):
    model = torch.nn.Linear(2, 3)
    theirs = torch.optim.AdamW(model.parameters(), weight_decay=0.5)
    checkpoint.save(folder, model, theirs, checkpoint.Spent(0, 0.0))
    ours = torch.optim.AdamW(model.parameters(), weight_decay=0.25)
    checkpoint.load(folder, model, ours, CPU)
    assert ours.param_groups[0]["weight_decay"] == 0.25


BOMB = "a: &a [1, 1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghij"))


@pytest.mark.parametrize("text", [BOMB, "[" * 5000, "data: " + "[" * 900 + "]" * 900, "x: 2001-99-99", "a" * 2**21])
def test_a_recipe_bomb_is_one_short_sentence(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        recipe.load(str(path), "fcos", [], 0)
    assert len(str(error.value)) < 2000


@pytest.mark.parametrize("key", recipe.LEAST)
def test_a_count_that_means_nothing_is_named(key):
    with pytest.raises(UserError, match=f"{key} is {recipe.LEAST[key]} or more"):
        recipe.load("shapes", "fcos", [f"{key}={recipe.LEAST[key] - 1}"], 0)


def test_a_recipe_runs_no_code(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"data: !!python/object/apply:os.system ['touch {tmp_path}/witness']")
    with pytest.raises(UserError, match="python/object"):
        recipe.load(str(path), "fcos", [], 0)
    assert not (tmp_path / "witness").exists()


def test_a_record_that_climbs_out_changes_nothing_outside(folder, tmp_path):
    """The folder's own name is the run's; what run.json says of itself is never a path."""
    away = "../" * 12 + "tmp/climbed"
    write_json(folder.run, {"id": away, "recipe": recipe.plain(recipe.load("shapes", "fcos", [], 0)), "runs": away})
    write_json(folder.path / "done", {"AP": 0.5, "per_class": {away: 1.0}})
    before = sorted(tmp_path.rglob("*"))
    assert list(collect(folder.path.parent)["run"]) == ["a"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, "9" * 5000])
def test_a_record_bomb_is_a_hole_with_its_reason(folder, text):
    folder.run.write_text(text)
    assert "unreadable run.json" in collect(folder.path.parent)["reason"][0]
    folder.run.write_text(json.dumps({"recipe": recipe.plain(recipe.load("shapes", "fcos", [], 0))}))
    folder.metrics.write_text(text + "\n")
    assert "unreadable metrics.jsonl" in collect(folder.path.parent)["reason"][0]
    folder.done.write_text(text)
    assert "unreadable done" in collect(folder.path.parent)["reason"][0]

"""Checkpoints from strangers run no code, take no memory beyond their size, and are taken as a whole or not at all."""

import zipfile

import pytest
import torch

from experiments.records.run_folder import RunFolder
from experiments.runtime.errors import UserError
from experiments.training import checkpoint
from experiments.training.checkpoint import Spent
from tests.pickles import archive, code

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "a")
    run.path.mkdir(parents=True)
    return run


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "bare"])
def test_a_checkpoint_runs_no_code(folder, tmp_path, zipped):
    data = code(tmp_path / "witness")
    archive(folder.checkpoint, data) if zipped else folder.checkpoint.write_bytes(data)
    assert checkpoint.read(folder.checkpoint, CPU) is None
    model = torch.nn.Linear(2, 2)
    with pytest.raises(UserError, match=r"No checkpoint of .* is whole"):
        checkpoint.load(folder, model, torch.optim.AdamW(model.parameters()), CPU)
    assert not (tmp_path / "witness").exists()


def test_memory_is_bounded_by_the_file(folder):
    archive(folder.checkpoint, bytes(10**8), kind=zipfile.ZIP_DEFLATED)
    assert folder.checkpoint.stat().st_size < 10**6 and checkpoint.read(folder.checkpoint, CPU) is None
    # weights_only lets this one through, and bytearray fills what it takes
    archive(folder.checkpoint, b"\x80\x02cbuiltins\nbytearray\n\x8a\x05" + (10**11).to_bytes(5, "little") + b"\x85R.")
    assert checkpoint.read(folder.checkpoint, CPU) is None


def test_what_another_run_saved_is_refused_as_a_whole(folder):
    """Moments of the wrong shape, name or number would only fail in the first step."""
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoint.save(folder, model, optimizer, Spent(4, 1.5))
    assert checkpoint.load(folder, model, optimizer, CPU) == Spent(4, 1.5)
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
        with pytest.raises(UserError, match=r"belongs to a different model .*Start over with --force"):
            checkpoint.load(folder, model, optimizer, CPU)
        checkpoint.save(folder, model, optimizer, Spent(4, 1.5))


def test_hyperparameters_come_from_the_recipe_not_from_the_file(folder):
    model = torch.nn.Linear(2, 3)
    saved = torch.optim.AdamW(model.parameters(), weight_decay=0.5)
    checkpoint.save(folder, model, saved, Spent(0, 0.0))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.25)
    checkpoint.load(folder, model, optimizer, CPU)
    assert optimizer.param_groups[0]["weight_decay"] == 0.25


def test_the_state_after_the_last_step_has_the_weights_alone(folder):
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoint.save(folder, model, optimizer, Spent(3, 1.0))
    before = folder.checkpoint.read_bytes()
    checkpoint.save_end(folder, model, Spent(4, 1.5))
    assert folder.previous.read_bytes() == before  # whence a run goes on if the last is damaged
    other = torch.nn.Linear(2, 3)
    fresh = torch.optim.AdamW(other.parameters())
    assert checkpoint.load(folder, other, fresh, CPU) == Spent(4, 1.5) and not fresh.state
    assert torch.equal(other.weight, model.weight) and torch.equal(other.bias, model.bias)

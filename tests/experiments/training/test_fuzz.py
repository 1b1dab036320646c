"""Hostile checkpoints: a sentence, never a traceback, never a hang; what is taken in can be trained on."""

import io

import pytest
import torch
from hypothesis import given

from experiments.records.run_folder import RunFolder
from experiments.runtime.errors import UserError
from experiments.training import checkpoint
from tests.hostile import HANG, changed, damaged, fuzz

hostile = fuzz(25, HANG)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("runs") / "a")
    run.path.mkdir()
    return run


def trained() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return model, optimizer


def saved(state: dict) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


MODEL, OPTIMIZER = trained()
STATE = {"model": MODEL.state_dict(), "optimizer": OPTIMIZER.state_dict(), "step": 3, "seconds": 1.0}
MOMENTS = {"state": {i: dict(moments) for i, moments in OPTIMIZER.state_dict()["state"].items()}}


@hostile
@given(data=damaged(saved(STATE)))
def test_a_damaged_checkpoint_is_resumed_or_refused(folder, data):
    folder.checkpoint.write_bytes(data)
    model, optimizer = trained()
    try:
        checkpoint.load(folder, model, optimizer, CPU)
    except UserError:
        return
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()


@hostile
@given(state=changed(STATE | {"optimizer": MOMENTS}))
def test_a_checkpoint_of_other_values_with_checksums_that_match_is_resumed_or_refused(folder, state):
    torch.save(state, folder.checkpoint)
    model, optimizer = trained()
    try:
        checkpoint.load(folder, model, optimizer, CPU)
    except UserError:
        return
    optimizer.step()

"""The state of a run between two steps: tensors and numbers only. Order and augmentation follow from seed and step.

The file is a zip, and its checksums are the zip's own: what does not match them is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from pickletools import genops
from zipfile import ZipFile

import torch
from torch import nn

from experiments.records.files import is_whole_zip, replacing
from experiments.records.run_folder import RunFolder
from experiments.runtime.console import say
from experiments.runtime.errors import UserError
from experiments.training.average import Average

NAMES = re.compile(r"collections OrderedDict|torch\._utils _rebuild_tensor_v2|torch \w+Storage")  # of tensors and dicts
MOMENTS = {torch.optim.AdamW: {"step", "exp_avg", "exp_avg_sq"}, torch.optim.SGD: {"momentum_buffer"}}


@dataclass(frozen=True)
class Spent:
    """Steps and time that a run has taken so far."""

    step: int
    seconds: float  # of training, over all its sessions


def save(
    folder: RunFolder, model: nn.Module, optimizer: torch.optim.Optimizer, spent: Spent, average: Average | None = None
) -> None:
    """The newest state; the one before stays as `previous`. Killed anywhere in here, one of the two is whole."""
    _save(folder, model, optimizer.state_dict(), spent, (average or Average(model)).state())


def save_end(folder: RunFolder, model: nn.Module, spent: Spent) -> None:
    """The state after the last step: no step will ask for the optimiser's moments, two thirds of AdamW's file.

    model: with the weights that are evaluated.
    """
    _save(folder, model, {"state": {}}, spent, {})


def _save(folder: RunFolder, model: nn.Module, optimizer: dict, spent: Spent, average: dict) -> None:
    state = {"model": model.state_dict(), "optimizer": optimizer, "average": average, **vars(spent)}
    write(state, folder.checkpoint, folder.previous)


def write(state: dict, path: Path, previous: Path | None = None) -> None:
    """Replaces the file whole or not at all, as `replacing` does. Raises OSError."""
    with replacing(path, previous) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # torch's complaint about the half file hides what the disk said
            raise error.__context__ or error from None


def load(
    folder: RunFolder,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    average: Average | None = None,
) -> Spent:
    """Fills model, optimizer and average from the newest whole state; nothing spent where there is none.

    Raises UserError where files are there and none is whole, or the state is of another model.
    """
    present = [path for path in (folder.checkpoint, folder.previous) if path.is_file()]
    for path in present:
        state = read(path, device)
        if state is None:
            say(f"warning: {path} is damaged; resuming from the state before it.")
            continue
        try:
            return _fill(model, optimizer, average or Average(model), state)
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"{path} belongs to a different model ({reason}). Start over with --force.") from None
    if present:
        raise UserError(f"No checkpoint of {folder.path} is whole. Start over with --force.")
    return Spent(0, 0.0)


def _fill(model: nn.Module, optimizer: torch.optim.Optimizer, average: Average, state: dict) -> Spent:
    spent = Spent(int(state["step"]), float(state["seconds"]))
    if spent.step < 0 or not 0 <= spent.seconds < float("inf"):
        raise ValueError(f"{spent.step} steps in {spent.seconds} s")
    model.load_state_dict(state["model"])
    groups = optimizer.state_dict()["param_groups"]  # the recipe's, not the file's
    optimizer.load_state_dict({"state": state["optimizer"]["state"], "param_groups": groups})
    for parameter, moments in optimizer.state.items():
        if set(moments) != MOMENTS[type(optimizer)]:
            raise ValueError(f"moments {', '.join(map(str, moments))}")
        for name, value in moments.items():
            if value.shape != (() if name == "step" else parameter.shape):
                raise ValueError(f"{name} of shape {tuple(value.shape)}")
    average.load(state.get("average", {}), spent.step)
    return spent


def read(path: Path, device: torch.device) -> dict | None:
    """Tensors and numbers that `write` wrote; None for a damaged or foreign file. It runs no code and takes no more
    memory than the file is long."""
    try:
        if not is_whole_zip(path) or not _harmless(path):
            return None
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception:  # zipfile and torch raise a dozen kinds for a damaged file
        return None
    return state if isinstance(state, dict) else None


def _harmless(path: Path) -> bool:
    """No names but those of tensors in what torch will unpickle: weights_only lets bytearray(10**11) pass."""
    with ZipFile(path) as file:
        (data,) = (file.read(name) for name in file.namelist() if name.endswith("/data.pkl"))
    return only_tensors(genops(data))


def only_tensors(ops: Iterable[tuple]) -> bool:
    """Whether a pickle, as pickletools.genops takes it apart, names nothing but what makes tensors and dicts."""
    names = [arg for op, arg, _ in ops if op.name in ("GLOBAL", "STACK_GLOBAL", "INST")]
    return all(NAMES.fullmatch(name or "") for name in names)

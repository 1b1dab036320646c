"""The state of a run between two steps: tensors and numbers only. Order and augmentation follow from seed and step.

The file is a zip, and its checksums are the zip's own: what does not match them is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import torch
from torch import nn

from experiments.errors import UserError
from experiments.progress import say
from experiments.records import RunFolder, replacing


@dataclass(frozen=True)
class Spent:
    """What a run has behind it."""

    step: int
    seconds: float  # of training, over all its sessions


def save(folder: RunFolder, model: nn.Module, optimizer: torch.optim.Optimizer, spent: Spent) -> None:
    """The newest state; the one before stays as `previous`. Killed anywhere in here, one of the two is whole."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), **vars(spent)}
    write(state, folder.checkpoint, folder.previous)


def write(state: dict, path: Path, previous: Path | None = None) -> None:
    """Replaces the file whole or not at all, as `replacing` does. Raises OSError."""
    with replacing(path, previous) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # torch's complaint about the half file hides what the disk said
            raise error.__context__ or error from None


def load(folder: RunFolder, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> Spent:
    """Fills model and optimizer from the newest whole state; nothing spent where there is none.

    Raises UserError where files are there and none is whole, or the state is of another model.
    """
    present = [path for path in (folder.checkpoint, folder.previous) if path.is_file()]
    for path in present:
        state = _read(path, device)
        if state is None:
            say(f"warning: {path} is damaged; going back to the state before it.")
            continue
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            return Spent(int(state["step"]), float(state["seconds"]))
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{path} holds the state of another model ({reason}). Start over with --force.") from None
    if present:
        raise UserError(f"No checkpoint of {folder.path} is whole. Start over with --force.")
    return Spent(0, 0.0)


def _read(path: Path, device: torch.device) -> dict | None:
    """None for a damaged file."""
    try:
        with ZipFile(path) as file:
            if file.testzip() is not None:
                return None
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception:  # zipfile and torch raise a dozen kinds for a damaged file
        return None
    return state if isinstance(state, dict) else None

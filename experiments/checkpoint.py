"""The state of a run between two steps: tensors and numbers only. Order and augmentation follow from seed and step."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from experiments.errors import UserError


def save(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Replaces the file whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> int:
    """Fills model and optimizer; the number of steps done. UserError for a file that does not fit."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise UserError(
            f"The checkpoint {path} cannot be read ({error}). Remove it, or start over with --force."
        ) from None

"""Weights of a backbone from a file of one's own: as torch.save writes them today, or did before 1.6."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickletools import genops
from zipfile import ZipFile, is_zipfile

import torch
from torch import Tensor

from detector.weights import WeightsError
from experiments.records.files import is_whole_zip
from experiments.training.checkpoint import only_tensors

PICKLES = 5  # of an old file: number, version, machine, the object, the order of its tensors; then the tensors
WRAPPERS = ("state_dict", "model")  # keys under which toolboxes save the tensors
PREFIXES = ("module.", "backbone.")  # before names, of DistributedDataParallel and of detectors


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Runs no code of the file. Raises WeightsError."""
    state = _load(path)
    for key in WRAPPERS:
        state = state[key] if isinstance(state, dict) and isinstance(state.get(key), dict) else state
    tensors = _named(state)
    for prefix in PREFIXES:
        tensors = {k.removeprefix(prefix): x for k, x in tensors.items() if k.startswith(prefix)} or tensors
    if not tensors:
        raise WeightsError("it holds no tensors by name")
    if broken := [name for name, x in tensors.items() if not torch.isfinite(x).all()]:
        raise WeightsError(f"its {broken[0]} is not finite")
    return tensors


def _named(state: object) -> dict[str, Tensor]:
    items = state.items() if isinstance(state, dict) else ()
    return {name: x for name, x in items if isinstance(name, str) and isinstance(x, Tensor)}


def _load(path: Path) -> object:
    try:
        if not _is_harmless(path):
            raise WeightsError(
                "it is damaged, or holds more than tensors, numbers and texts; save its state_dict alone"
            )
        return torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except Exception as error:  # zipfile, pickle and torch raise a dozen kinds for a damaged file
        reason = f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(".:; ")
        raise WeightsError(f"it does not load, {reason}") from None


def _is_harmless(path: Path) -> bool:
    """weights_only alone lets a file of a few bytes ask for all memory."""
    if is_zipfile(path):
        with ZipFile(path) as file:
            (data,) = (file.read(name) for name in file.namelist() if name.endswith("/data.pkl"))
        return is_whole_zip(path) and only_tensors(genops(data))
    with path.open("rb") as file:
        return all(only_tensors(genops(file)) for _ in range(PICKLES))

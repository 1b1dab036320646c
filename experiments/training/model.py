"""The detector of a recipe, and how its head differs from the reference's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

import assigners
from assigners.assigner import Assigner
from assigners.interface import HeadSpec
from detector.backbone import weights_words
from detector.config import REFERENCE
from detector.controlled import head_spec
from detector.detector import Detector
from detector.streams import global_stream
from detector.weights import WeightsError, is_file, weights_url
from experiments.recipes.recipe import Recipe, weights_identity
from experiments.records.schema import FILE
from experiments.runtime.errors import UserError
from experiments.training.weights_file import read_weights


def build_detector(recipe: Recipe, classes: int) -> Detector:
    """The model, initialised from the recipe's seed. Raises UserError where the weights cannot be had."""
    try:
        with global_stream(recipe.seed, "Assigner"):
            assigner = _assigner(recipe, classes)
        return Detector(recipe.model, assigner, recipe.seed, _state(recipe))
    except assigners.AssignerError as error:
        raise UserError(str(error)) from None
    except WeightsError as error:
        raise UserError(
            f"model.weights is {recipe.model.weights}: {error}. Tensors of {recipe.model.backbone} with norm "
            f"{recipe.model.norm} by torchvision's names are wanted, or model.weights=none."
        ) from None
    except OSError as error:
        raise UserError(
            f"No ImageNet weights of {recipe.model.backbone}: {str(error).rstrip('.')}. They are torchvision's, "
            f"{weights_url(recipe.model.backbone, recipe.model.weights)}: put that file into "
            f"{torch.hub.get_dir()}/checkpoints, point TORCH_HOME to a folder with hub/checkpoints, or "
            "train without them by --set model.weights=none."
        ) from None


def weights_record(recipe: Recipe) -> str:
    """What the backbone starts from, for the record: a set and its training recipe, or a file's name and content."""
    model = recipe.model
    if not is_file(model.weights):
        return weights_words(model.backbone, model.weights)
    return f"{FILE}{Path(model.weights).name}, sha256 {weights_identity(recipe)['weights']}"


def _state(recipe: Recipe) -> Mapping[str, Tensor]:
    """Of a file of weights; {} of a word. Raises WeightsError."""
    return read_weights(Path(recipe.model.weights)) if is_file(recipe.model.weights) else {}


def head_differences(recipe: Recipe, base: str = REFERENCE) -> dict[str, tuple[object, object]]:
    """What differs from the native head of the method `base`: field of the head -> (its value, the value here).

    Records have the same base, whatever their recipe says, so that any two rows compare.
    """
    other = _flat(assigners.build(base, 1).spec())
    head = _flat(head_spec(_assigner(recipe, 1), recipe.model))
    return {name: (other[name], head[name]) for name in head if head[name] != other[name]}


def state_bytes(recipe: Recipe, model: torch.nn.Module) -> int:
    """Of a checkpoint on the way: the model's tensors, their average, what the optimiser keeps for each it learns."""
    learned = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    copies = 1 + (recipe.schedule.average > 0)
    return copies * weight_bytes(model) + MOMENTS[recipe.optimizer.kind] * learned


def weight_bytes(model: torch.nn.Module) -> int:
    """Of the checkpoint of a finished run: the model's tensors."""
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


MOMENTS = {"sgd": 1, "adamw": 2}  # tensors that the optimiser keeps for a parameter


def _assigner(recipe: Recipe, classes: int) -> Assigner:
    return assigners.build(recipe.assigner, classes, recipe.model.channels, **dict(recipe.settings))


def _flat(spec: HeadSpec) -> dict[str, object]:
    """Fields of a head and of its style by name, as plain values; branches by their names."""
    values = asdict(spec)
    style = values.pop("style")
    names = [f"{b.name} (implicit)" if b.implicit else b.name for b in spec.branches]
    return values | style | {"branches": ", ".join(names) or "none"}

"""The detector of a recipe, and how its head differs from the reference's."""

from __future__ import annotations

from dataclasses import asdict

import torch

import assigners
from assigners.assigner import Assigner
from assigners.interface import HeadSpec
from detector.backbone import BACKBONES
from detector.config import REFERENCE
from detector.controlled import head_spec
from detector.detector import Detector
from detector.streams import global_stream
from experiments.recipes.recipe import Recipe
from experiments.runtime.errors import UserError


def build_detector(recipe: Recipe, classes: int) -> Detector:
    """The model, initialised from the recipe's seed. Raises UserError where the weights cannot be had."""
    try:
        with global_stream(recipe.seed, "Assigner"):
            assigner = _assigner(recipe, classes)
        return Detector(recipe.model, assigner, recipe.seed)
    except assigners.AssignerError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(
            f"No ImageNet weights of {recipe.model.backbone}: {str(error).rstrip('.')}. They are torchvision's, "
            f"{BACKBONES[recipe.model.backbone].weights_url()}: put that file into {torch.hub.get_dir()}/checkpoints, "
            "point TORCH_HOME to a folder with hub/checkpoints, or train without them by --set model.weights=none."
        ) from None


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

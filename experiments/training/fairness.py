"""What runs to compare must share, as hashes: taken from the data and the tensors of this very run, not promised.

Of one seed, rows of a table must have equal hashes under every name that they both have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256
from itertools import islice

import numpy as np
from torch import Tensor, nn

from detector.detector import Detector
from experiments.data.loader import augmentation_stream, batch_order
from experiments.recipes.recipe import weights_identity
from experiments.records.files import hash_of
from experiments.records.schema import effective
from experiments.training.run_spec import RunSpec

STEPS = 100  # batches looked at: their images and flips follow from (seed, step) alone, so the rest does, too
SCORING = ("protocol", "evaluator")  # fields of the test group that belong to the evaluation, not to the limits


def shared_hashes(run: RunSpec, model: Detector) -> dict[str, str]:
    """Name -> hash. `model` as initialised, before its first step or its checkpoint; on any device."""
    recipe = run.recipe
    limits = effective("test", asdict(recipe.test))
    scoring = {name: limits.pop(name) for name in SCORING if name in limits}
    return {
        "images and boxes": hash_of([run.train.digest(), run.val.digest()]),
        "data order": _order(run),
        "input": hash_of(effective("data", asdict(recipe.data))),
        "architecture": hash_of(
            effective("model", asdict(recipe.model)) | weights_identity(recipe) | {"mode": "native"}
        ),
        **_weights(model),
        "optimiser": hash_of(effective("optimizer", asdict(recipe.optimizer))),
        "schedule": hash_of(effective("schedule", asdict(recipe.schedule))),
        "post-processing limits": hash_of(limits),
        "evaluation": hash_of({"protocol": scoring.get("protocol", "coco")}),  # engines agree bit for bit
    }


def _order(run: RunSpec) -> str:
    """Image ids of the first batches, and which of them are flipped."""
    recipe, index = run.recipe, run.train
    batches = islice(batch_order(index, recipe.schedule.batch, recipe.seed), STEPS)
    keys = [(step, int(index.image_ids[i])) for step, batch in enumerate(batches) for i in batch]
    return hash_of([[*key, bool(augmentation_stream(recipe.seed, *key).random() < recipe.data.flip)] for key in keys])


def _weights(model: Detector) -> dict[str, str]:
    """Initial weights, part by part; P6 is named by its source, which a method chooses (`head_differs` says so)."""
    fpn, head = model.fpn, model.head
    return {
        "backbone weights": _hash(model.backbone.state_dict().values()),
        "pyramid weights": _hash(_convolutions(fpn.lateral, fpn.smooth, fpn.p7)),
        f"P6 weights, from {fpn.p6_from.upper()}": _hash(_convolutions(fpn.p6)),
        "class tower weights": _hash(_convolutions(head.class_tower)),
        "box tower weights": _hash(_convolutions(head.box_tower)),
    }


def _convolutions(*modules: nn.Module) -> list[Tensor]:
    """Weights and biases; norms start at 1 and 0, and whether there are any is in `head_differs`."""
    convs = [m for module in modules for m in module.modules() if isinstance(m, nn.Conv2d)]
    return [tensor for conv in convs for tensor in (conv.weight, conv.bias)]


def _hash(tensors: Iterable[Tensor]) -> str:
    digest = sha256()
    for tensor in tensors:
        array = np.ascontiguousarray(tensor.detach().cpu().numpy())  # as on a CPU, whatever the memory format
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array)
    return digest.hexdigest()[:12]

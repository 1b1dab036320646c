"""Memory of a training step by calculation: the network runs on torch's meta device, where tensors have sizes alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod

import torch
from torch import Tensor, nn
from torchvision.ops import DeformConv2d

import assigners
from assigners.interface import HeadSpec, HeadStyle
from detector.config import PARTS, REFERENCE, DetectorConfig
from detector.controlled import head_spec
from detector.dcn import DeformableConv
from detector.detector import Detector
from experiments.conformance.memory import Bounded
from experiments.data.transforms import padded_side
from experiments.grid.entries import TableEntry
from experiments.recipes.recipe import Recipe
from experiments.training.model import build_detector, state_bytes

DEVICES = (11, 24)  # GB
RESERVE = 1.0e9  # bytes of the device's context, the convolutions' workspace and the assignment
UNLIMITED = 10**15  # bytes


def memory_lines(entries: Iterable[TableEntry]) -> list[str]:
    """A line for each network and image size: the most images that fit a device, of the method that takes most."""
    fitting: dict[str, list[int]] = {}
    by_kind: dict[tuple, list[int]] = {}
    for entry in entries:
        recipe = entry.recipe
        state = (recipe.optimizer.kind, recipe.schedule.average > 0)
        kind = (*network_of(recipe), entry.classes, _sides(recipe), state)
        if kind not in by_kind:
            by_kind[kind] = _fitting(recipe, entry.classes)
        network = "{}, {} x {}".format(recipe.model.network, *_sides(recipe))
        fitting[network] = [min(pair) for pair in zip(by_kind[kind], fitting.get(network, by_kind[kind]), strict=True)]
    return [
        f"{network}: a device of {_words(counts)}, in float32 by calculation" for network, counts in fitting.items()
    ]


def network_of(recipe: Recipe) -> tuple[DetectorConfig, HeadSpec]:
    """What the size of its network follows from: settings of a method and a style's numbers have no tensors."""
    assigner = assigners.build(recipe.assigner, 1, recipe.model.channels, **dict(recipe.settings))
    spec = head_spec(assigner, recipe.model)
    style = HeadStyle(norm=spec.style.norm, p6_from=spec.style.p6_from)
    return replace(recipe.model, mode="native", reference=REFERENCE, parts=PARTS), replace(spec, style=style)


def _words(counts: list[int]) -> str:
    return ", ".join(
        f"{gb} GB trains at most {count} images at once" for gb, count in zip(DEVICES, counts, strict=True)
    )


def _fitting(recipe: Recipe, classes: int) -> list[int]:
    """Images on each of DEVICES; 0 where not even one fits."""
    with torch.device("meta"):
        model = build_detector(replace(recipe, model=replace(recipe.model, weights="none")), classes)
    fixed = state_bytes(recipe, model) + sum(p.nbytes for p in model.parameters() if p.requires_grad)  # gradients
    for_one, for_two = (step_bytes(model, count, _sides(recipe)) for count in (1, 2))
    constant = fixed + for_one - max(1, for_two - for_one)
    each = max(1, for_two - for_one) + columns_bytes(model, _sides(recipe))
    return [max(0, int((gb * 1e9 - RESERVE - constant) // each)) for gb in DEVICES]


def step_bytes(model: Detector, images: int, sides: tuple[int, int]) -> int:
    """Most bytes that live at once in the forward and backward pass of the network, on the meta device.

    sides: height and width of the batch, pixels.
    """
    with torch.device("meta"), Bounded(UNLIMITED) as live:
        preds = model.predict(torch.zeros(images, 3, *sides, dtype=torch.uint8))
        outputs = [preds.logits, preds.deltas, *preds.branches.values()]
        sum(x.sum() for x in outputs).backward()
    model.zero_grad(set_to_none=True)
    return live.peak


def columns_bytes(model: Detector, sides: tuple[int, int]) -> int:
    """Of one image, that torchvision's kernel lays out for the largest deformable convolution; 0 without one.

    It makes them for all images of a batch of up to 32 at once, where no tensor of ours shows them.
    """
    sizes = [0]

    def note(module: nn.Conv2d | DeformConv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        cells, taps = output[0, 0].numel(), prod(module.kernel_size)
        sizes.append(inputs[0].shape[1] * taps * cells * inputs[0].element_size())

    deformable = [m for m in model.modules() if isinstance(m, (DeformableConv, DeformConv2d))]
    hooks = [m.register_forward_hook(note) for m in deformable]
    with torch.device("meta"), torch.no_grad():
        model.predict(torch.zeros(1, 3, *sides, dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return max(sizes)


def _sides(recipe: Recipe) -> tuple[int, int]:
    """Height and width of the largest batch, pixels."""
    short, long = max(recipe.data.short), recipe.data.long
    return padded_side(min(short, long)), padded_side(long)

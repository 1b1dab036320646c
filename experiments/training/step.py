"""The gradients of one batch, part by part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from assigners.interface import Objects
from experiments.data.loader import Batch
from experiments.recipes.recipe import ScheduleRecipe


def backward(
    model: nn.Module, batch: Batch, schedule: ScheduleRecipe, progress: float, device: torch.device
) -> dict[str, Tensor]:
    """Leaves the gradients of the mean over the parts; loss terms are means over them, counts are sums."""
    parts = list(cut(batch, schedule.accumulate))
    model.zero_grad(set_to_none=True)
    found: dict[str, Tensor] = {}
    for position, (images, objects) in enumerate(parts):
        images, objects = images.to(device, non_blocking=True), to(objects, device)
        with _unsynchronised(model, position + 1 < len(parts)):
            with torch.autocast(device.type, torch.bfloat16, enabled=schedule.bf16):
                terms, counts = model(images, objects, progress)
            loss = sum(terms.values()) / len(parts)
            loss.backward()
        shown = {name: term.detach() / len(parts) for name, term in terms.items()} | counts | {"loss": loss.detach()}
        found = {name: found.get(name, 0) + value for name, value in shown.items()}
    return found


def _unsynchronised(model: nn.Module, more: bool):
    """DistributedDataParallel averages once a batch, at its last part."""
    return model.no_sync() if more and isinstance(model, nn.parallel.DistributedDataParallel) else nullcontext()


def cut(batch: Batch, parts: int) -> Iterator[tuple[Tensor, Objects]]:
    """At most `parts` runs of images, with their objects."""
    o, size = batch.objects, math.ceil(len(batch.images) / parts)
    for first in range(0, len(batch.images), size):
        images = batch.images[first : first + size]
        mine = (o.image >= first) & (o.image < first + size)
        regions = (o.ignore_image >= first) & (o.ignore_image < first + size)
        yield (
            images,
            Objects(
                boxes=o.boxes[mine],
                labels=o.labels[mine],
                image=o.image[mine] - first,
                ignore=o.ignore[regions],
                ignore_image=o.ignore_image[regions] - first,
                images=len(images),
            ),
        )


def to(objects: Objects, device: torch.device) -> Objects:
    """The objects on a device."""
    tensors = {name: value.to(device, non_blocking=True) for name, value in vars(objects).items() if name != "images"}
    return replace(objects, **tensors)

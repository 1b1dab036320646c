"""The gradients of one batch, a part of it after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from assigners.interface import Objects
from experiments.data.loader import Batch
from experiments.recipes.recipe import ScheduleConfig
from experiments.runtime.processes import World


def backward(
    model: nn.Module, batch: Batch, schedule: ScheduleConfig, progress: float, device: torch.device
) -> dict[str, Tensor]:
    """Leaves the gradients of the mean over the parts; loss terms are means over them, counts are sums."""
    slices = list(cut(batch, schedule.accumulate))
    model.zero_grad(set_to_none=True)
    figures: dict[str, Tensor] = {}
    for position, (images, objects) in enumerate(slices):
        images, objects = images.to(device, non_blocking=True), to_device(objects, device)
        with _unsynchronised(model, position + 1 < len(slices)):
            with torch.autocast(device.type, torch.bfloat16, enabled=schedule.bf16):
                terms, counts = model(images, objects, progress)
            loss = sum(terms.values()) / len(slices)
            loss.backward()
        means = {name: term.detach() / len(slices) for name, term in terms.items()}
        figures = {n: figures.get(n, 0) + x for n, x in (means | counts | {"loss": loss.detach()}).items()}
    return figures


@dataclass(frozen=True)
class StepNumbers:
    """What the host learns of a step."""

    figures: dict[str, float]  # of this process
    means: dict[str, float]  # the same over the processes
    broken: list[str]  # names of what is not finite in this process; the gradient's norm is "gradient"
    anywhere: bool  # something is not finite in some process
    halted: bool  # some process was asked to stop


def read(figures: dict[str, Tensor], norm: Tensor, stop: bool, world: World) -> StepNumbers:
    """The numbers of a step; one all-reduce.

    The one place after the gradients where the host waits for the device: a bad number must not reach the weights.
    """
    names = [*figures, "gradient"]
    local = torch.stack([*(x.float() for x in figures.values()), norm.float()])
    flags = torch.stack((~local.isfinite().all(), torch.full_like(local[0], stop, dtype=torch.bool)))
    mean = world.mean(torch.cat((local, flags.float())))
    local, mean = torch.cat((local, mean)).cpu().split((len(names), len(names) + 2))
    *means, anywhere, halted = mean.tolist()
    by_name = dict(zip(names, local.tolist(), strict=True))
    return StepNumbers(
        figures={name: by_name[name] for name in figures},
        means=dict(zip(figures, means, strict=False)),
        broken=[name for name, value in by_name.items() if not math.isfinite(value)],
        anywhere=anywhere > 0,
        halted=halted > 0,
    )


def _unsynchronised(model: nn.Module, more: bool):
    """DistributedDataParallel averages once a batch, at its last part."""
    return model.no_sync() if more and isinstance(model, nn.parallel.DistributedDataParallel) else nullcontext()


def cut(batch: Batch, pieces: int) -> Iterator[tuple[Tensor, Objects]]:
    """At most `parts` runs of images, with their objects."""
    o, size = batch.objects, math.ceil(len(batch.images) / pieces)
    for first in range(0, len(batch.images), size):
        images = batch.images[first : first + size]
        rows = (o.image >= first) & (o.image < first + size)
        regions = (o.ignore_image >= first) & (o.ignore_image < first + size)
        yield (
            images,
            Objects(
                boxes=o.boxes[rows],
                labels=o.labels[rows],
                image=o.image[rows] - first,
                ignore=o.ignore[regions],
                ignore_image=o.ignore_image[regions] - first,
                images=len(images),
            ),
        )


def to_device(objects: Objects, device: torch.device) -> Objects:
    """The objects on a device, with those of the host beside them."""
    tensors = {name: x.to(device, non_blocking=True) for name, x in vars(objects).items() if isinstance(x, Tensor)}
    return replace(objects, **tensors, host=objects)

"""A whole ResNet-50 training step at 800 x 1344, 7 objects, 80 classes, interleaved with torchvision's."""

from __future__ import annotations

import sys
import time
from statistics import median

import torch
from torch import nn
from torchvision.models.detection import fcos_resnet50_fpn, retinanet_resnet50_fpn
from torchvision.ops import FrozenBatchNorm2d

import assigners
from assigners.interface import Objects
from detector.config import DetectorConfig
from detector.detector import Detector
from experiments.bench.scenes import HEIGHT, WIDTH, bench_objects, bench_predictions, loss_step
from experiments.conformance.memory import Bounded

ROUNDS, CLASSES = 3, 80


def our_model(name: str) -> Detector:
    config = DetectorConfig("resnet50", "none", "frozen_bn", 2, 256, 4, "native")
    return Detector(config, assigners.build(name, CLASSES)).to(memory_format=torch.channels_last)


def torchvision_model(build) -> nn.Module:
    model = build(weights=None, weights_backbone=None, num_classes=CLASSES, norm_layer=FrozenBatchNorm2d)
    for name in ("conv1", "layer1"):
        getattr(model.backbone.body, name).requires_grad_(False)
    return model.to(memory_format=torch.channels_last)


def our_step(model: Detector, images: torch.Tensor, batch) -> None:
    terms, _ = model(images, batch, 0.0)
    sum(terms.values()).backward()


def torchvision_step(model: nn.Module, images: torch.Tensor, batch) -> None:
    losses = model(list(images.float() / 255), [{"boxes": batch.boxes, "labels": batch.labels}])
    sum(losses.values()).backward()


def seconds_of(work, *args) -> float:
    begin = time.perf_counter()
    work(*args)
    return time.perf_counter() - begin


def bench_batch() -> tuple[torch.Tensor, Objects]:
    """One image and its objects."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (1, 3, HEIGHT, WIDTH), dtype=torch.uint8, generator=generator)
    return images, bench_objects(7, CLASSES, 40, 400)


def report_steps() -> None:
    images, batch = bench_batch()
    models = {name: (our_step, our_model(name)) for name in assigners.available()}
    models["torchvision retinanet"] = (torchvision_step, torchvision_model(retinanet_resnet50_fpn))
    models["torchvision fcos"] = (torchvision_step, torchvision_model(fcos_resnet50_fpn))
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS + 1):
        for name, (step, model) in models.items():
            times[name].append(seconds_of(step, model, images, batch))
            model.zero_grad(set_to_none=True)
    print(
        "\nwhole training step, ResNet-50, 800 x 1344, batch 1, 7 objects, 80 classes: median s, peak of the bytes in "
        "tensors, share of assign + loss"
    )
    for name, (work, model) in models.items():
        step = median(times[name][1:])
        with Bounded(sys.maxsize) as tensors:
            work(model, images, batch)
        model.zero_grad(set_to_none=True)
        print(
            f"{name:<24}{step:>8.2f} s{tensors.peak / 2**20:>8.0f} MiB"
            + (f"{100 * _share(name, batch) / step:>8.2f} %" if name in assigners.available() else "")
        )


def _share(name: str, batch) -> float:
    """Median seconds of assignment and loss alone."""
    assigner = assigners.build(name, CLASSES)
    preds = bench_predictions(assigner.spec(), CLASSES)
    return median([seconds_of(loss_step, assigner, preds, batch) for _ in range(6)][1:])

"""A whole ResNet-50 training step at 800 x 1344, 7 objects, 80 classes, interleaved with torchvision's."""

from __future__ import annotations

import time
from statistics import median

import torch
from torch import nn
from torchvision.models.detection import fcos_resnet50_fpn, retinanet_resnet50_fpn
from torchvision.ops import FrozenBatchNorm2d

import assigners
from detector.config import DetectorConfig
from detector.detector import Detector
from experiments.bench.scenes import HEIGHT, WIDTH, loss_step, objects, predictions

ROUNDS, CLASSES = 3, 80


def ours(name: str) -> Detector:
    config = DetectorConfig("resnet50", "none", "frozen_bn", 2, 256, 4, "native")
    return Detector(config, assigners.build(name, CLASSES)).to(memory_format=torch.channels_last)


def theirs(build) -> nn.Module:
    model = build(weights=None, weights_backbone=None, num_classes=CLASSES, norm_layer=FrozenBatchNorm2d)
    for part in ("conv1", "layer1"):
        getattr(model.backbone.body, part).requires_grad_(False)
    return model.to(memory_format=torch.channels_last)


def our_step(model: Detector, images: torch.Tensor, truth) -> None:
    terms, _ = model(images, truth, 0.0)
    sum(terms.values()).backward()


def their_step(model: nn.Module, images: torch.Tensor, truth) -> None:
    losses = model(list(images.float() / 255), [{"boxes": truth.boxes, "labels": truth.labels}])
    sum(losses.values()).backward()


def seconds(step, *args) -> float:
    begin = time.perf_counter()
    step(*args)
    return time.perf_counter() - begin


def report() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (1, 3, HEIGHT, WIDTH), dtype=torch.uint8, generator=generator)
    truth = objects(7, CLASSES, 40, 400, generator)
    models = {name: (our_step, ours(name)) for name in assigners.available()}
    models["torchvision retinanet"] = (their_step, theirs(retinanet_resnet50_fpn))
    models["torchvision fcos"] = (their_step, theirs(fcos_resnet50_fpn))
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS + 1):
        for name, (step, model) in models.items():
            times[name].append(seconds(step, model, images, truth))
            model.zero_grad(set_to_none=True)
    print(
        "\nwhole training step, ResNet-50, 800 x 1344, batch 1, 7 objects, 80 classes: median s, share of assign + loss"
    )
    for name in models:
        whole = median(times[name][1:])
        print(
            f"{name:<24}{whole:>8.2f} s"
            + (f"{100 * _share(name, truth) / whole:>8.2f} %" if name in assigners.available() else "")
        )


def _share(name: str, truth) -> float:
    """Median seconds of assignment and loss alone."""
    generator = torch.Generator().manual_seed(0)
    assigner = assigners.build(name, CLASSES)
    preds = predictions(assigner.spec(), CLASSES, generator)
    return median([seconds(loss_step, assigner, preds, truth) for _ in range(6)][1:])

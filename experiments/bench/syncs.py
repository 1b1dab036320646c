"""How often the host waits for the device in a training step, counted on a device that is none."""

from __future__ import annotations

import torch
from torch import nn

import assigners
from assigners.interface import Objects
from detector.config import DetectorConfig
from detector.detector import Detector
from experiments.bench.pretend_device import DEVICE, PretendDevice, Waits
from experiments.conformance.scenes import random_boxes, to_objects
from experiments.runtime.processes import World
from experiments.training.step import read, to_device

CLASSES, CANVAS = 3, (96, 128)  # height and width, px
SMALL = DetectorConfig("resnet18", "none", "gn", 0, 16, 1)


def crowded() -> Objects:
    """Two images of 24 and 8 objects, a crowd region in the second."""
    many, few, crowd = (random_boxes(n, 8, 80, CANVAS, seed=n) for n in (24, 8, 1))
    return to_objects(many, few, crowd=crowd, classes=CLASSES)


def count_waits(name: str, batch: Objects, config: DetectorConfig = SMALL, **settings) -> tuple[Waits, Waits]:
    """Of forward, assignment, loss and backward in training mode; of what a run then reads before it changes weights.

    settings: of the assigner.
    """
    model = Detector(config, assigners.build(name, CLASSES, config.channels, **settings)).train()
    images = torch.zeros(batch.images, 3, *CANVAS, dtype=torch.uint8)
    with PretendDevice() as device:
        model, images, objects = model.to(DEVICE), images.to(DEVICE), to_device(batch, DEVICE)
        device.waits = gradients = Waits()
        terms, counts = model.assigner(model.predict(images, 0.5), objects)
        sum(terms.values()).backward()
        device.waits = after = Waits()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        read({name: term.detach() for name, term in (terms | counts).items()}, norm, False, World(0, 1, DEVICE))
    return gradients, after


def report_syncs() -> None:
    print(
        "\nhow often the host waits for the device: forward, assignment, loss and backward; then the read of the step"
    )
    print(f"{'':<17}{'gradients':>10}{'read':>10}{'copies to it that wait':>24}")
    for name in assigners.available():
        count_waits(name, crowded())  # makes the grid
        gradients, after = count_waits(name, crowded())
        print(f"{name:<17}{len(gradients.to_host):>10}{len(after.to_host):>10}{len(gradients.to_device):>24}")
        print("".join(f"    {line}\n" for line in gradients.to_host), end="")

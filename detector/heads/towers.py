"""One head for all methods: two towers shared by the levels, and the branches that a HeadSpec asks for."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from assigners.interface import HeadSpec
from detector.streams import convolutions


@dataclass(frozen=True)
class HeadOutput:
    """Flat over the batch, see interface.py; in the dtype of the network."""

    logits: Tensor  # (P, K)
    deltas: Tensor  # (P, 4)
    objectness: Tensor | None  # (P,)
    quality: Tensor | None  # (P,)
    sizes: tuple[tuple[int, int], ...]  # height and width of each level, cells


class Head(nn.Module):
    """Objectness and quality sit on the box tower (methods 1.4, 3, 4)."""

    def __init__(self, spec: HeadSpec, num_classes: int, channels: int, convs: int, levels: int, seed: int):
        super().__init__()
        cell = len(spec.scales) * len(spec.ratios)  # priors
        self.class_tower = _tower(channels, convs, spec.norm)
        self.box_tower = _tower(channels, convs, spec.norm)
        self.logits = nn.Conv2d(channels, cell * num_classes, 3, padding=1)
        self.deltas = nn.Conv2d(channels, cell * 4, 3, padding=1)
        self.objectness = nn.Conv2d(channels, cell, 3, padding=1) if spec.objectness != "none" else None
        self.quality = nn.Conv2d(channels, cell, 3, padding=1) if spec.quality else None
        self.scales = nn.Parameter(torch.ones(levels)) if spec.coder == "ltrb" else None
        for conv, stream in convolutions(self, seed):
            nn.init.normal_(conv.weight, std=0.01, generator=stream)
            nn.init.zeros_(conv.bias)
        nn.init.constant_(self.logits.bias, -log((1 - spec.prior_prob) / spec.prior_prob))
        nn.init.constant_(self.deltas.bias, spec.box_bias)

    def forward(self, features: list[Tensor]) -> HeadOutput:
        parts = [self._level(i, feature) for i, feature in enumerate(features)]
        flat = [None if part[0] is None else torch.cat(part, 1).flatten(0, 1) for part in zip(*parts, strict=True)]
        logits, deltas, objectness, quality = flat
        squeeze = lambda x: None if x is None else x.squeeze(1)  # noqa: E731
        sizes = tuple((f.shape[2], f.shape[3]) for f in features)
        return HeadOutput(logits, deltas, squeeze(objectness), squeeze(quality), sizes)

    def _level(self, i: int, feature: Tensor) -> tuple[Tensor | None, ...]:
        """Each branch as (B, priors of the level, its numbers)."""
        cls, box = self.class_tower(feature), self.box_tower(feature)
        deltas = self.deltas(box) if self.scales is None else self.deltas(box) * self.scales[i]
        cell = self.deltas.out_channels // 4
        rows = lambda x: x.permute(0, 2, 3, 1).reshape(len(x), -1, x.shape[1] // cell)  # noqa: E731
        optional = (None if branch is None else rows(branch(box)) for branch in (self.objectness, self.quality))
        return rows(self.logits(cls)), rows(deltas), *optional


def _tower(channels: int, convs: int, norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(convs):
        layers.append(nn.Conv2d(channels, channels, 3, padding=1))
        layers += [nn.GroupNorm(min(32, channels // 4), channels)] if norm == "gn" else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)

"""The plain head: two towers shared by the levels, and the branches that a HeadSpec asks for."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn

from assigners.interface import HeadSpec
from detector.coders import coder
from detector.config import tower_groups
from detector.heads.output import HeadOutput
from detector.recompute import apply
from detector.streams import convolutions


class Head(nn.Module):
    """`logits` on the class tower, `deltas` on the box tower, each branch on the tower it names.

    A variant is a subclass with another `_extend`, and another `_level` where its outputs take another way; what both
    have starts from the same weights.
    """

    def __init__(
        self,
        spec: HeadSpec,
        num_classes: int,
        channels: int,
        convs: int,
        levels: int,
        seed: int,
        recompute: bool = False,
    ):
        super().__init__()
        self.spec, self.recompute = spec, recompute
        self.per_cell = len(spec.scales) * len(spec.ratios)
        self.class_tower = _tower(channels, convs, spec.style.norm)
        self.box_tower = _tower(channels, convs, spec.style.norm)
        self.logits = nn.Conv2d(channels, self.per_cell * num_classes, 3, padding=1)
        self.deltas = nn.Conv2d(channels, self.per_cell * 4, 3, padding=1)
        for branch in spec.branches:
            padding = branch.kernel // 2
            conv = nn.Conv2d(channels, self.per_cell * branch.channels, branch.kernel, padding=padding)
            self.add_module(branch.name, conv)  # the spec refuses a name that is taken
        self.scales = nn.Parameter(torch.ones(levels)) if coder(spec).scaled else None
        for conv, stream in convolutions(self, seed, "Head"):
            nn.init.normal_(conv.weight, std=0.01, generator=stream)
            nn.init.zeros_(conv.bias)
        nn.init.constant_(self.logits.bias, -log((1 - spec.style.prior_prob) / spec.style.prior_prob))
        nn.init.constant_(self.deltas.bias, coder(spec).start(spec.style.box_bias))
        for branch in spec.branches:
            nn.init.constant_(self.get_submodule(branch.name).bias, branch.bias)
        self._extend(channels, seed)

    def _extend(self, channels: int, seed: int) -> None:
        """What a variant of this head adds to it, or has in the place of its layers; nothing here."""

    def forward(self, features: list[Tensor]) -> HeadOutput:
        levels = [self._level(i, feature) for i, feature in enumerate(features)]
        flat = {name: torch.cat([level[name] for level in levels], 1).flatten(0, 1) for name in levels[0]}
        sizes = tuple((f.shape[2], f.shape[3]) for f in features)
        return HeadOutput(flat.pop("logits"), flat.pop("deltas"), flat, sizes)

    def _level(self, i: int, feature: Tensor) -> dict[str, Tensor]:
        """Each output as (B, priors of the level, its numbers)."""
        towers = self._towers(feature)
        deltas = self.deltas(towers["box"])
        maps = {
            "logits": self.logits(towers["class"]),
            "deltas": deltas if self.scales is None else deltas * self.scales[i],
            **{branch.name: self.get_submodule(branch.name)(towers[branch.tower]) for branch in self.spec.branches},
        }
        return {name: self._rows(x) for name, x in maps.items()}

    def _towers(self, feature: Tensor) -> dict[str, Tensor]:
        towers = {"class": self.class_tower, "box": self.box_tower}
        return {name: apply(tower, feature, self.recompute) for name, tower in towers.items()}

    def _rows(self, x: Tensor) -> Tensor:
        """(B, A c, height, width) -> (B, height width A, c)"""
        return x.permute(0, 2, 3, 1).reshape(len(x), -1, x.shape[1] // self.per_cell)


def _tower(channels: int, convs: int, norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(convs):
        layers.append(nn.Conv2d(channels, channels, 3, padding=1))
        layers += [nn.GroupNorm(tower_groups(channels), channels)] if norm == "gn" else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)

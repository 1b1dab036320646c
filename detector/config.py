"""The settings of the shared detector: the `model` group of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from assigners import METHODS
from assigners.ranges import Items, Range, Text
from detector.backbone import BACKBONES, Dcn, Style

HeadPart = Literal["norm", "offset", "p6", "bias", "score"]  # of a head's style, see controlled.py
PARTS: tuple[HeadPart, ...] = get_args(HeadPart)
Parts = Annotated[tuple[HeadPart, ...], Items(distinct=True)]
REFERENCE = "fcos"  # FCOS*: whose head --explain, the records and Table 8 compare with, and controlled mode takes


def tower_groups(channels: int) -> int:
    """Groups of GroupNorm in a tower of that width; they must divide it."""
    return min(32, channels // 4)


@dataclass(frozen=True)
class DetectorConfig:
    """Everything of the detector that is not the assignment."""

    backbone: Annotated[str, BACKBONES]  # of torchvision
    weights: Annotated[str, Text()]  # to start from: none, imagenet, imagenet_v2 (torchvision's sets), or a file's path
    norm: Literal["frozen_bn", "gn"]  # of the backbone
    frozen_stages: Annotated[int, Range(0, 5, "stages")]  # 0: all train; 1: stem; 2: stem and first stage
    channels: Annotated[int, Range(4, 4096, "channels")] = 256  # of the pyramid and the towers
    tower_convs: Annotated[int, Range(0, 64, "convolutions")] = 4  # of each tower of the head
    mode: Literal["native", "controlled"] = "native"  # controlled: `parts` of the head are the reference's
    recompute: bool = False  # activation checkpointing of stages and towers: less memory, a third more time
    reference: Annotated[str, METHODS] = REFERENCE  # whose head style controlled mode takes, and --explain compares
    parts: Parts = PARTS  # of the head's style, that are the reference's in controlled mode
    width: Annotated[float, Range(0, 1, "share", "(]")] = 1.0  # of the backbone's channels; below 1 it has no weights
    style: Style = "pytorch"  # caffe: as MSRA: stride in the 1x1 of a ResNet's blocks, input BGR, std 1
    dcn: Dcn = "none"  # stages of the backbone whose 3x3 convolutions are deformable, DCN v2
    dcn_tower: bool = False  # the last convolution of both towers is deformable, as ATSS has it

    @property
    def network(self) -> str:
        """The backbone with what is deformable."""
        dcn = self.dcn.upper() * (self.dcn != "none")
        marks = " ".join(filter(None, (dcn, "towers" * self.dcn_tower)))
        return f"{self.backbone} DCN {marks}" if marks else self.backbone

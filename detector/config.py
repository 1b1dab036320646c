"""The settings of the shared detector: the `model` group of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from detector.backbone import BACKBONES


@dataclass(frozen=True)
class DetectorConfig:
    """Everything of the detector that is not the assignment."""

    backbone: Annotated[str, BACKBONES]
    weights: Literal["imagenet", "none"]
    norm: Literal["frozen_bn", "gn"]  # of the backbone
    frozen_stages: int  # 0: all train; 1: stem; 2: stem and first stage
    channels: int = 256  # of the pyramid and the towers
    tower_convs: int = 4
    mode: Literal["native", "controlled"] = "native"  # controlled: one head style for all assigners
    recompute: bool = False  # activation checkpointing of stages and towers: less memory, a third more time

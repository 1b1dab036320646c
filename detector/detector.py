"""The shared detector: images to loss terms or detections. It never learns which assigner it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from assigners.interface import Assigner, HeadSpec, Objects
from detector.backbone import Backbone
from detector.fpn import FPN
from detector.grid import make_grid
from detector.heads.towers import Head
from detector.postprocess import Detections, Limits, postprocess
from detector.predictions import DensePredictions
from detector.streams import global_stream

STRIDES = (8, 16, 32, 64, 128)  # pixels, P3..P7
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # RGB, of torchvision's weights


@dataclass(frozen=True)
class DetectorConfig:
    """Everything of the detector that is not the assignment."""

    backbone: str
    weights: str  # imagenet or none
    norm: str  # of the backbone: frozen_bn or gn
    frozen_stages: int
    channels: int
    tower_convs: int
    mode: str  # native or controlled
    seed: int = 0  # of the initial weights


def controlled(spec: HeadSpec) -> HeadSpec:
    """The suite's reference head, with only what the assignment itself needs kept: priors, coder and branches."""
    reference = HeadSpec(prior_prob=0.02, box_bias=4.0 if spec.coder == "ltrb" else 0.0)
    kept = ("scales", "ratios", "base", "coder", "delta_weights", "quality", "objectness")
    return replace(reference, **{name: getattr(spec, name) for name in kept})


class Detector(nn.Module):
    """Backbone, pyramid, head, assigner. Images are uint8 (B, 3, H, W), H and W multiples of 32."""

    def __init__(self, config: DetectorConfig, assigner: Assigner):
        super().__init__()
        self.spec = controlled(assigner.spec()) if config.mode == "controlled" else assigner.spec()
        width, seed = config.channels, config.seed
        with global_stream(seed, "Backbone"):  # torchvision's constructors take no generator
            self.backbone = Backbone(config.backbone, config.weights, config.norm, config.frozen_stages)
            self.fpn = FPN(self.backbone.channels, width, self.spec.p6_from, seed)
            self.head = Head(self.spec, assigner.num_classes, width, config.tower_convs, len(STRIDES), seed)
        self.assigner = assigner
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def predict(self, images: Tensor, progress: float = 0.0) -> DensePredictions:
        """Float32 predictions, also under autocast."""
        x = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        out = self.head(self.fpn(self.backbone(x)))
        sizes = tuple((stride, *size) for stride, size in zip(STRIDES, out.sizes, strict=True))
        single = [None if t is None else t.float() for t in (out.logits, out.deltas, out.objectness, out.quality)]
        return DensePredictions(make_grid(self.spec, sizes, images.device), len(images), self.spec, *single, progress)

    def forward(self, images: Tensor, objects: Objects, progress: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Loss terms and counts by name; progress of the training in [0, 1]."""
        preds = self.predict(images, progress)
        with torch.autocast(images.device.type, enabled=False):
            return self.assigner(preds, objects)

    @torch.no_grad()
    def detect(self, images: Tensor, sizes: Tensor, limits: Limits) -> Detections:
        """sizes (B, 2): height and width before padding, pixels."""
        return postprocess(self.predict(images), sizes, limits)

"""The shared detector: images to loss terms or detections. It never learns which assigner it holds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from assigners.assigner import Assigner
from assigners.interface import Objects
from detector.backbone import Backbone
from detector.config import DetectorConfig
from detector.controlled import head_spec
from detector.dcn import deform_last
from detector.fpn import FPN
from detector.grid import make_grid
from detector.heads import HEADS
from detector.postprocess import Detected, Limits, candidates, postprocess
from detector.precision import full_precision
from detector.predictions import DensePredictions
from detector.streams import global_stream

STRIDES = (8, 16, 32, 64, 128)  # pixels, P3..P7
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # RGB, of torchvision's weights
CAFFE_STD = (1.0, 1.0, 1.0)  # of MSRA's and FAIR's weights, which take BGR; their mean is MEAN (cvpods, detectron2)


class Detector(nn.Module):
    """Backbone, pyramid, head, assigner. Images are uint8 (B, 3, H, W), H and W multiples of 32."""

    def __init__(
        self,
        config: DetectorConfig,
        assigner: Assigner,
        seed: int = 0,
        state: Mapping[str, Tensor] = MappingProxyType({}),
    ):
        """seed: of the initial weights; state: of the backbone, where config.weights is a file."""
        super().__init__()
        self.spec = head_spec(assigner, config)
        width = config.channels
        with global_stream(seed, "Backbone"):  # torchvision's constructors take no generator
            self.backbone = Backbone(
                config.backbone,
                config.weights,
                config.norm,
                config.frozen_stages,
                config.recompute,
                config.width,
                config.style,
                config.dcn,
                state,
            )
            self.fpn = FPN(self.backbone.channels, width, self.spec.style.p6_from, seed)
            head = HEADS[self.spec.variant]
            convs, again = config.tower_convs, config.recompute
            self.head = head(self.spec, assigner.num_classes, width, convs, len(STRIDES), seed, again)
            for tower in (self.head.class_tower, self.head.box_tower) * config.dcn_tower:
                deform_last(tower)
        self.assigner = assigner
        self.bgr = config.style == "caffe"
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(CAFFE_STD if self.bgr else STD).view(3, 1, 1), persistent=False)

    def predict(self, images: Tensor, progress: float = 0.0) -> DensePredictions:
        """Float32 predictions, also under autocast."""
        features = self.fpn(self.backbone(self._input(images)))
        out = self.head(features)
        sizes = tuple((stride, *size) for stride, size in zip(STRIDES, out.sizes, strict=True))
        return DensePredictions(
            grid=make_grid(self.spec, sizes, images.device),
            images=len(images),
            spec=self.spec,
            logits=out.logits.float(),
            deltas=out.deltas.float(),
            branches={name: x.float() for name, x in out.branches.items()},
            pyramid=tuple(feature.float() for feature in features) if self.spec.pyramid else (),
            progress=progress,
        )

    def _input(self, images: Tensor) -> Tensor:
        """As the weights expect it."""
        x = (images - self.mean) / self.std
        return (x.flip(1) if self.bgr else x).contiguous(memory_format=torch.channels_last)

    def forward(self, images: Tensor, objects: Objects, progress: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Loss terms and counts by name; progress of the training in [0, 1]."""
        preds = self.predict(images, progress)
        with full_precision(images.device):
            return self.assigner(preds, objects)

    @torch.no_grad()
    def detect(self, images: Tensor, sizes: Tensor, limits: Limits) -> Detected:
        """sizes (B, 2): height and width before padding, pixels."""
        return postprocess(self.predict(images), sizes, limits)

    @torch.no_grad()
    def candidates(self, images: Tensor, sizes: Tensor, limits: Limits) -> Detected:
        """As `detect`, before NMS."""
        return candidates(self.predict(images), sizes, limits)

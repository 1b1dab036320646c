"""Post-processing of dense scores, 80 classes, nine anchors, 800 x 1344, beside torchvision's."""

from __future__ import annotations

from statistics import median

import torch
from torchvision.models.detection import retinanet_resnet50_fpn

import assigners
from detector.postprocess import Limits, postprocess
from experiments.bench.scenes import HEIGHT, WIDTH, predictions
from experiments.bench.steps import seconds

ROUNDS, CLASSES = 5, 80


def report() -> None:
    spec = assigners.build("retinanet", CLASSES).spec()
    preds = predictions(spec, CLASSES, torch.Generator().manual_seed(0), logit=0.0)
    model = retinanet_resnet50_fpn(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    sizes = [level.stop - level.start for level in preds.grid.levels]
    outputs = {
        "cls_logits": list(preds.logits.detach()[None].split(sizes, 1)),
        "bbox_regression": list(preds.deltas.detach()[None].split(sizes, 1)),
    }
    anchors = [list(preds.grid.boxes.split(sizes))]
    ours, theirs = [], []
    with torch.no_grad():
        for _ in range(ROUNDS + 1):
            ours.append(seconds(postprocess, preds, torch.tensor([[HEIGHT, WIDTH]]), Limits()))
            theirs.append(seconds(model.postprocess_detections, outputs, anchors, [(HEIGHT, WIDTH)]))
    print("\npost-processing, 80 classes, nine anchors, every score above the threshold: median ms")
    print(f"ours {1000 * median(ours[1:]):.0f}   torchvision {1000 * median(theirs[1:]):.0f}")

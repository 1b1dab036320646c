"""Post-processing of dense scores, 80 classes, nine anchors, 800 x 1344, beside torchvision's."""

from __future__ import annotations

from statistics import median

import torch
from torchvision.models.detection import retinanet_resnet50_fpn

import assigners
from detector.postprocess import Limits, postprocess
from experiments.bench.scenes import HEIGHT, WIDTH, bench_predictions
from experiments.bench.steps import seconds_of

ROUNDS, CLASSES = 5, 80


def report_postprocessing() -> None:
    spec = assigners.build("retinanet", CLASSES).spec()
    preds = bench_predictions(spec, CLASSES, logit=0.0)
    model = retinanet_resnet50_fpn(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    sizes = [level.stop - level.start for level in preds.grid.levels]
    outputs = {
        "cls_logits": list(preds.logits.detach()[None].split(sizes, 1)),
        "bbox_regression": list(preds.deltas.detach()[None].split(sizes, 1)),
    }
    anchors = [list(preds.grid.boxes.split(sizes))]
    times = {"ours": [], "torchvision": []}
    with torch.no_grad():
        for _ in range(ROUNDS + 1):
            times["ours"].append(seconds_of(postprocess, preds, torch.tensor([[HEIGHT, WIDTH]]), Limits()))
            times["torchvision"].append(seconds_of(model.postprocess_detections, outputs, anchors, [(HEIGHT, WIDTH)]))
    print("\npost-processing, 80 classes, nine anchors, every score above the threshold: median ms")
    print("   ".join(f"{name} {1000 * median(values[1:]):.0f}" for name, values in times.items()))

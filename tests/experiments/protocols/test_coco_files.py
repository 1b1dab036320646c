"""Annotation files as they are, ids, degenerate boxes and all: AP equal to that of pycocotools on the file itself."""

from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO as OfficialCOCO
from pycocotools.cocoeval import COCOeval

from analysis.matches import ap_of_draws, load_matches
from experiments.protocols import coco, engines
from experiments.protocols.coco import COCO
from experiments.records.schema import SIZE_METRICS
from tests.truths import random_scene


def degenerate(seed):
    """Boxes without width or height, or turned round; areas of 0 and beyond every range; detections on such boxes."""
    objects, detected = random_scene(seed, images=6, boxes=40, detected=150, size=100)
    rng = np.random.default_rng(seed)
    boxes, kind = objects.boxes.copy(), rng.integers(0, 6, len(objects.boxes))
    boxes[kind == 0, 2] = boxes[kind == 0, 0]
    boxes[kind == 1, 3] = boxes[kind == 1, 1]
    boxes[kind == 2, 2] = boxes[kind == 2, 0] - 5
    boxes[kind == 3, 2:] = boxes[kind == 3, :2] - 20
    areas = rng.choice([0.0, 1e11, 500.0, 2000.0, 20000.0], len(boxes))
    on, pick = rng.random(len(detected.boxes)) < 0.3, rng.integers(len(boxes), size=len(detected.boxes))
    on &= (boxes[pick, 2:] >= boxes[pick, :2]).all(1)
    placed = np.where(on[:, None], boxes[pick], detected.boxes)
    return replace(objects, boxes=boxes, areas=areas), replace(detected, boxes=placed)


def of_the_official_tool(objects, detected, per_image):
    """pycocotools on a file's own ids, classes and order: precision and recall of all sizes."""
    number = lambda label: 10 * (int(label) + 1)  # noqa: E731
    owner = np.repeat(objects.image_ids, np.diff(objects.offsets)).tolist()
    xywh = lambda box: [*box[:2], box[2] - box[0], box[3] - box[1]]  # noqa: E731
    truth = [
        {"id": i, "image_id": owner[i - 1], "category_id": number(label), "bbox": xywh(box.tolist()), "area": area}
        | {"iscrowd": int(crowd)}
        for i, (box, label, area, crowd) in enumerate(
            zip(objects.boxes, objects.labels, objects.areas.tolist(), objects.ignore, strict=True), 1
        )
    ]
    results = [
        {"image_id": int(objects.image_ids[image]), "category_id": number(label), "bbox": xywh(box.tolist())}
        | {"score": float(score)}
        for image, box, label, score in zip(*vars(detected).values(), strict=True)
    ]
    file = OfficialCOCO()
    file.dataset = {
        "images": [{"id": i} for i in objects.image_ids.tolist()],
        "categories": [{"id": number(k), "name": name} for k, name in enumerate(objects.classes)],
        "annotations": truth,
    }
    file.createIndex()
    evaluation = COCOeval(file, file.loadRes(results), "bbox")
    evaluation.params.maxDets = sorted((1, min(10, per_image), per_image))
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval["precision"], evaluation.eval["recall"]


@pytest.mark.parametrize("engine", engines.ENGINES)
@pytest.mark.parametrize("seed", range(20))
def test_equals_the_official_tool_on_a_file_of_its_own_ids_with_boxes_of_no_area(tmp_path, seed, engine):
    """To the last bit; and the stored matches give the same AP."""
    objects, detected = degenerate(seed)
    precision, recall = of_the_official_tool(objects, detected, 20)
    scores = COCO.evaluate(objects, detected, 20, engine)
    assert scores.metrics == coco._metrics(precision, recall, (1, 10, 20))
    read_back = []
    for name, matches in zip(("AP", *SIZE_METRICS), (scores.matches, *scores.by_size), strict=True):
        matches.save(tmp_path / "matches.npz")
        again = load_matches(tmp_path / "matches.npz")
        ap = ap_of_draws(again, np.ones((again.images, 1), np.float32), 101)[0]
        assert scores.metrics[name] == pytest.approx(ap, abs=1e-12)
        read_back.append(ap)
    assert 0 < read_back[0] < 1 and 0 < max(read_back[1:]) < 1

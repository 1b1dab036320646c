"""AP of the evaluated split equals pycocotools' on the file itself, to the last bit: nothing is cleaned there.

$ASSIGNBENCH_FUZZ_EXAMPLES sets the number of files.
"""

import io
import json
from contextlib import redirect_stdout

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from experiments.data.readers import coco
from experiments.protocols.coco import evaluate_coco
from experiments.protocols.interface import THRESHOLDS, Detections
from tests.hostile import EXAMPLES
from tests.samples import REAL, image, instances, real

FILES, WIDTH, HEIGHT = int(EXAMPLES or 40), 400, 300
EDGES, SIDE = 12, 64  # objects whose IoU with a detection of that side is a threshold, as float64 can say it
OFFICIAL = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


def annotations(rng: np.random.Generator) -> dict:
    """Of 9 images: boxes without area, over the border, outside, doubled, crowds; areas of something else than the box.

    Ids are out of order and have gaps; `ignore`, which pycocotools overwrites, and NaN stand in fields that count for
    nothing.
    """
    n, unit = int(rng.integers(20, 120)), rng.choice([1.0, 0.5, 0.1, 0.01, 1 / 3])
    image_ids, category_ids = rng.permutation(50)[:9].tolist(), np.sort(rng.permutation(90)[:4]).tolist()
    corner = rng.uniform((-60, -60), (WIDTH + 20, HEIGHT + 20), (n, 2))
    boxes = np.concatenate([corner, rng.choice([8, 30, 90, 250], (n, 1)) * rng.uniform(0.3, 1.5, (n, 2))], 1)
    boxes = np.round(boxes / unit) * unit
    boxes[rng.random(n) < 0.1, 2 + rng.integers(2)] = 0
    doubled = rng.random(n) < 0.15
    boxes[doubled] = boxes[rng.integers(n, size=doubled.sum())]
    boxes[:EDGES] = [[*rng.integers(9, 200, 2), SIDE / rng.choice(THRESHOLDS), SIDE] for _ in range(EDGES)]
    area = boxes[:, 2] * boxes[:, 3] * np.where(rng.random(n) < 0.5, 1.0, rng.uniform(0, 1.2, n))
    rows = zip(boxes.tolist(), area.tolist(), (rng.random(n) < 0.1).tolist(), rng.permutation(n).tolist(), strict=True)
    images = [{"id": i, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT} for i in image_ids]
    objects = [
        {
            "id": number + 1,
            "image_id": image_ids[rng.integers(8)],  # the last image has none
            "category_id": category_ids[rng.integers(3)],  # nor has the last category
            "bbox": box,
            "area": size,
            "iscrowd": int(crowd),
            "ignore": int(rng.integers(2)),
            "score": float("nan"),
        }
        for box, size, crowd, number in rows
    ]
    return {
        "images": images,
        "annotations": objects,
        "categories": [{"id": k, "name": f"class {k}"} for k in category_ids],
    }


def detected(rng: np.random.Generator, data: dict) -> list[dict]:
    """Results near the objects and elsewhere, many of equal score, as float32 has them; in one image more than 100."""
    objects, results = data["annotations"], []
    for i in range(300):
        near = objects[i] if i < EDGES else objects[rng.integers(len(objects))]
        box = np.array(near["bbox"]) + rng.choice([0.0, 1.0, 5.0, 30.0]) * rng.normal(size=4) * (i >= EDGES)
        box[2] = SIDE if i < EDGES else box[2]
        box[2:] = np.maximum(box[2:], 0)
        corners = np.concatenate([box[:2], box[:2] + box[2:]]).astype(np.float32).astype(np.float64)
        results.append(
            {
                "image_id": near["image_id"] if i < EDGES or rng.random() < 0.6 else data["images"][0]["id"],
                "category_id": near["category_id"] if i < EDGES or rng.random() < 0.8 else data["categories"][-1]["id"],
                "bbox": [*corners[:2].tolist(), *(corners[2:] - corners[:2]).tolist()],
                "score": float(np.float32(rng.integers(1, 20) / 20)),
            }
        )
    return results


def official(path, results: list[dict]) -> list[float]:
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        evaluation = COCOeval(truth, truth.loadRes([dict(row) for row in results]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def ours(index, data: dict, results: list[dict], engine: str) -> list[float]:
    position = {int(number): i for i, number in enumerate(index.image_ids)}
    label = {c["id"]: index.classes.index(c["name"]) for c in data["categories"]}
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in (row["bbox"] for row in results)], np.float32)
    found = Detections(
        np.array([position[row["image_id"]] for row in results]),
        boxes,
        np.array([label[row["category_id"]] for row in results]),
        np.array([row["score"] for row in results], np.float32),
    )
    metrics = evaluate_coco(index, found, 100, engine).metrics
    return [-1.0 if metrics[name] is None else metrics[name] for name in OFFICIAL]


@pytest.mark.parametrize("engine", ["hotcoco", "pycocotools"])
def test_every_metric_is_that_of_pycocotools_on_the_file(tmp_path, engine):
    image(tmp_path / "val" / "a.jpg", WIDTH, HEIGHT)
    path, kept = tmp_path / "annotations" / "instances_val.json", 0
    path.parent.mkdir()
    for seed in range(FILES):
        rng = np.random.default_rng(seed)
        data = annotations(rng)
        results = detected(rng, data)
        path.write_text(json.dumps(data))
        index = coco.read(tmp_path, "val", (), clean=False)
        assert ours(index, data, results, engine) == official(path, results), seed
        kept += sum(count for rule, count in index.counters.items() if rule.startswith("kept_"))
    assert kept > FILES  # the files had what a clean-up would have touched


@real
def test_so_it_is_on_the_real_sample():
    path = REAL / "coco_sample" / "annotations" / "instances_val2017.json"
    data = json.loads(path.read_text())
    results = detected(np.random.default_rng(0), data)
    index = coco.read(REAL / "coco_sample", "val2017", (), clean=False)
    assert ours(index, data, results, "hotcoco") == official(path, results)


def test_a_file_without_areas_is_scored_by_the_boxes(tmp_path):
    """Pycocotools stops there; the area is that of the box, as where it is written."""
    data = instances()
    (tmp_path / "annotations").mkdir()
    image(tmp_path / "val" / "a.jpg")
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(data))
    assert coco.read(tmp_path, "val", (), clean=False).areas.tolist() == [12.0]

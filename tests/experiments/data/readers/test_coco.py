"""The COCO layout: the real sample."""

import json

import numpy as np

from experiments.data.readers import coco
from tests.samples import REAL, real


@real
def test_the_sample_has_the_counts_of_its_readme():
    train, val = (coco.read(REAL / "coco_sample", split, ()) for split in ("train2017", "val2017"))
    assert [len(train), len(val)] == [66, 40] and [len(train.boxes), len(val.boxes)] == [649, 417]
    assert [int(index.ignore.sum()) for index in (train, val)] == [8, 7]
    assert [len(set(index.labels.tolist())) for index in (train, val)] == [65, 58]
    assert len(train.classes) == 80 and train.classes[79] == "toothbrush" and train.labels.max() < 80
    at = {int(number): i for i, number in enumerate(train.image_ids)}
    assert train.read(at[86]).shape[0] == 3  # greyscale
    assert len(train.of(at[508])[0]) == 0  # no object: background
    annotations = json.loads((REAL / "coco_sample/annotations/instances_train2017.json").read_text())["annotations"]
    assert np.isclose(train.areas.sum(), sum(a["area"] for a in annotations))

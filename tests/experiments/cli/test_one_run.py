"""What a run says before its first step."""

import json

from experiments.cli.one_run import _introduction
from experiments.recipes.load import load
from experiments.records.run_folder import RunFolder
from experiments.training import run_spec
from tests.samples import instances, write_coco


def test_what_the_clean_up_touched_and_what_it_left_is_said(tmp_path):
    data = instances()
    boxes = ([1, 2, 0, 4], [25, 2, 10, 5], [40, 2, 5, 5])
    data["annotations"] += [data["annotations"][0] | {"id": i, "bbox": box} for i, box in enumerate(boxes, 6)]
    write_coco(tmp_path, json.dumps(data))
    settings = ["data.train=train2017", "data.val=train2017", "schedule.batch=1"]
    run = run_spec.find(load("coco", "fcos", settings, 0), tmp_path)
    train, val = _introduction(run, RunFolder(tmp_path / "run"))[-2:]
    assert train == "boxes of train that the clean-up rules touched: 1 no_area, 1 outside, 1 clipped"
    assert val == ("boxes of val kept as they are, as the official tool scores them: 1 no_area, 1 outside, 1 clipped")
    assert len(run.train.boxes) == 2 and len(run.val.boxes) == 4

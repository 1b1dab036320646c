"""The guards that look before the training: at the evaluation, at the labels, at the disk."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from experiments.data.parsing.clean import Record, build_index
from experiments.protocols.interface import Detections
from experiments.recipes.load import load
from experiments.records.run_folder import RunFolder
from experiments.runtime.errors import UserError
from experiments.training import evaluate, guards
from experiments.training.run_spec import RunSpec

PROTOCOLS = ("coco", "voc07", "voc10", "height")


def run(protocol, *overrides):
    """Two images, the second with a box twice."""
    box, far = (10, 10, 60, 60), (100, 100, 160, 160)
    records = [Record("a.jpg", 1, 200, 200, [box, far], [0, 1], [False, True])]
    records += [Record("b.jpg", 2, 200, 200, [box, box], [1, 1], [False, False])]
    index = build_index("own", ("a", "b"), records)
    return RunSpec(load("shapes", "fcos", [f"test.protocol={protocol}", *overrides], 0), index, index)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_sound_evaluation_passes_also_with_a_box_held_twice(protocol):
    guards.check_evaluation(run(protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("limit", [1, 2, 19, 1000])
def test_fewer_detections_than_objects_are_no_fault_of_the_evaluation(protocol, limit):
    """Sixteen objects of a class in one image, four in another."""
    boxes = [(20 * i, 0, 20 * i + 15, 15) for i in range(16)]
    records = [Record("a.jpg", 1, 400, 400, boxes, [0] * 16, [False] * 16)]
    records += [Record("b.jpg", 2, 400, 400, boxes[:4], [0, 0, 1, 1], [False] * 4)]
    index = build_index("own", ("a", "b"), records)
    recipe = load("shapes", "fcos", [f"test.protocol={protocol}", f"test.detections={limit}"], 0)
    guards.check_evaluation(RunSpec(recipe, index, index))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("box", [(10, 10, 10, 60), (10, 60, 60, 60), (60, 10, 10, 60), (9, 9, 9.00001, 60)])
def test_a_box_of_the_annotation_without_area_is_no_fault_of_the_evaluation(protocol, box):
    """Nothing is cleaned where it is tested, and no detection finds it."""
    spec = run(protocol)
    spec.val.boxes[0] = box
    guards.check_evaluation(spec)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ignore": np.ones(4, bool)}, "own, the 2 images to test on: every object is ignored"),
        (
            {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, int), "ignore": np.zeros(0, bool)},
            "own, the 2 images to test on: there is no object, so AP is not known",
        ),
        ({}, ""),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_set_without_objects_that_count_is_said_and_is_not_refused(protocol, change, says):
    spec = run(protocol)
    offsets = {"offsets": np.zeros(3, int)} if "boxes" in change else {}
    index = replace(spec.val, **change, **offsets)
    guards.check_evaluation(replace(spec, val=index))
    assert guards.without_objects(index).startswith(says) and bool(guards.without_objects(index)) == bool(says)


@pytest.mark.parametrize(("bf16", "device"), [(True, "cuda"), (False, "cpu"), (False, "cuda")])
def test_bf16_is_for_gpus(bf16, device):
    on = lambda bf16, device: SimpleNamespace(  # noqa: E731
        run=run("coco", f"schedule.bf16={str(bf16).lower()}"), world=SimpleNamespace(device=torch.device(device))
    )
    guards.check_precision(on(bf16, device))
    with pytest.raises(UserError, match=r"schedule\.bf16=true needs a GPU: .* Train with --set schedule\.bf16=false"):
        guards.check_precision(on(True, "cpu"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_evaluation_that_counts_wrong_is_stopped(monkeypatch, protocol):
    right = evaluate.scores
    worse = lambda index, boxes, recipe: right(index, replace(boxes, boxes=boxes.boxes + 20), recipe)  # noqa: E731
    monkeypatch.setattr(evaluate, "scores", worse)
    with pytest.raises(UserError, match=rf"AP 0\.000, not 1, by the protocol {protocol}"):
        guards.check_evaluation(run(protocol))


def test_a_label_that_is_no_class_is_named_with_its_image():
    index = run("coco").val
    index.labels[2] = 2
    with pytest.raises(UserError, match="own, image 2: label 2 of 2 classes"):
        guards.check_labels(index)


def detected(count):
    """As a model gives them; of both images and classes."""
    rng = np.random.default_rng(count)
    corners, sides = rng.uniform(0, 100, (count, 2)), rng.uniform(1, 90, (count, 2))
    boxes = np.concatenate([corners, corners + sides], 1).astype(np.float32)
    image, labels = rng.integers(2, size=count), rng.integers(2, size=count)
    return Detections(image, boxes, labels, rng.random(count, np.float32))


def bytes_of(tmp_path, spec, count):
    """That the detections of an evaluation take in all files."""
    files = RunFolder(tmp_path)
    evaluate.stored(spec.val, detected(count)).save(files.detections)
    scores = evaluate.scores(spec.val, detected(count), spec.recipe)
    scores.matches.save(files.matches)
    for path, matches in zip(files.matches_by_size.values(), scores.by_size, strict=False):
        matches.save(path)
    return sum(path.stat().st_size for path in tmp_path.glob("*.npz"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_bytes_counted_for_a_detection_hold_it_in_all_files_and_their_unfinished_copies(tmp_path, protocol):
    spec = run(protocol, "test.detections=9000")
    each = (bytes_of(tmp_path, spec, 3000) - bytes_of(tmp_path, spec, 1000)) / 2000
    assert (90 if protocol.startswith("voc") else 140) < each <= guards.DETECTION_BYTES / 2


def test_too_little_space_for_the_detections_is_said(tmp_path, monkeypatch):
    """The checkpoints are small here: what is missing are the detections."""
    model, need = torch.nn.Linear(1, 1), 2 * 9000 * guards.DETECTION_BYTES
    session = SimpleNamespace(run=run("coco", "test.detections=9000"), folder=RunFolder(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=need))
    with pytest.raises(UserError, match=r"the run needs about 10 MiB, and 10 MiB are free\. Free some"):
        guards.check_room(session, model)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=need + 2**10))
    guards.check_room(session, model)

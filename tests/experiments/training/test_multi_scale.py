"""The multi-scale test of a recipe, on a detector that was not trained."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from detector.voting import MERGES
from experiments.conformance.memory import Bounded
from experiments.data.views import View
from experiments.protocols.detections import Detections
from experiments.recipes.load import load
from experiments.records.run_folder import RunFolder
from experiments.runtime.processes import World
from experiments.runtime.signals import Stop
from experiments.training import evaluate
from experiments.training.model import build_detector
from experiments.training.multi_scale import merging_of, views_of
from experiments.training.run_spec import find
from experiments.training.session import Session

SMALL = (
    "data.train_images=16 data.val_images=6 model.channels=16 model.tower_convs=1 test.batch=4 data.workers=0 "
    "test.score_threshold=0.005 data.short=96 data.long=112"
).split()
PLAIN = "fcos"


def session(name: str, *overrides: str) -> Session:
    run = find(load("shapes", name, [*SMALL, *overrides], 0), None)
    return Session(run, RunFolder(Path("nowhere")), World(0, 1, torch.device("cpu")), Stop())


@cache
def detected(name: str, *overrides: str) -> Detections:
    of = session(name, *overrides)
    return evaluate.detections(build_detector(of.run.recipe, 10), of)


def equal(a: Detections, b: Detections) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("name", ["fcos", "retinanet"])
def test_one_view_without_a_flip_is_the_normal_test_to_the_bit(name, merge):
    normal = detected(name)
    one = detected(name, "test.scales=96", "test.longs=112", f"test.merge={merge}")
    assert equal(normal, one) and len(normal.scores) > 50


@pytest.mark.parametrize("merge", MERGES)
def test_three_scales_and_flips_test_every_image(merge):
    out = detected(PLAIN, "test.scales=[96, 64, 128]", "test.longs=160", "test.flips=true", f"test.merge={merge}")
    out.check(6, 10)
    assert set(out.image.tolist()) == set(range(6)) and not equal(out, detected(PLAIN))


def test_a_flip_of_a_flip_is_the_image_itself():
    of = session(PLAIN, "test.scales=96", "test.flips=true")
    views = views_of(of.run.recipe)
    batches = list(evaluate.eval_loader(of.run.val, of.run.recipe.data, 4, views=views))
    assert [view.flipped for view in views] == [False, True] and len(batches) == 4
    for plain, flipped in zip(batches[::2], batches[1::2], strict=True):
        for i, (height, width) in enumerate(plain.sizes.tolist()):
            assert torch.equal(plain.images[i, :, :height, :width], flipped.images[i, :, :height, :width].flip(2))
        assert torch.equal(plain.objects.boxes[:, 2], plain.sizes[plain.objects.image, 1] - flipped.objects.boxes[:, 0])


def test_memory_does_not_grow_with_the_number_of_views():
    peaks = []
    for count in (2, 12):
        sides = [112, *[96] * (count - 1)]
        of = session(PLAIN, f"test.scales={sides}", "test.merge=selector", "test.per_level=20")
        model = build_detector(of.run.recipe, 10)
        with Bounded(10**12) as live:
            evaluate.detections(model, of)
        peaks.append(live.peak)
    kept = 10 * 4 * 5 * 20 * 64  # bytes of ten more views: 4 images, 5 levels, 20 boxes
    assert peaks[1] - peaks[0] < 2 * kept < 0.1 * peaks[0]


def test_score_voting_moves_boxes_and_leaves_scores():
    voted, normal = detected("retinanet", "test.score_voting=true"), detected("retinanet")
    assert np.array_equal(voted.scores, normal.scores) and np.array_equal(voted.labels, normal.labels)
    assert not np.array_equal(voted.boxes, normal.boxes)
    assert np.abs(voted.boxes - normal.boxes).max() < 100


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("coco-atss-test", 26, View(800, 1333), View(1800, 3000, True, 0.0, 96.0)),
        ("coco-cvpods-test", 26, View(400, 3000, False, 96.0, 0.0), View(800, 1333, True, 0.0, 10000.0)),
        ("coco-freeanchor-test", 6, View(800, 1333, through=(800, 1333)), View(1280, 2133, through=(800, 1333))),
    ],
)
def test_the_three_published_recipes_are_files(name, count, first, last):
    recipe = load(name, "atss", [], 0)
    views = views_of(recipe)
    assert len(views) == count and views[0] == first and views[-1] == last
    rule = merging_of(recipe)
    assert (rule.kind, rule.original) == (recipe.test.merge, name == "coco-cvpods-test")
    assert (rule.limits.plus, rule.vote_iou) == ((1.0, 0.66) if "atss" in name else (0.0, rule.vote_iou))


def test_a_view_of_the_normal_view_goes_through_it():
    image = (torch.arange(40 * 60) % 251).view(1, 40, 60).expand(3, -1, -1).to(torch.uint8)
    pixels, scale = View(40, 100, through=(80, 200)).resized(image)
    assert pixels.shape == (3, 40, 60) and pixels.dtype == torch.uint8 and scale == pytest.approx(1.0)
    direct, _ = View(40, 100).resized(image)
    assert torch.equal(direct, image) and not torch.equal(pixels, image)
    corners, _ = View(160, 400, through=(80, 200)).resized(image)
    larger, _ = View(80, 200).resized(image)
    for x, y in ((0, 0), (-1, 0), (0, -1), (-1, -1)):  # corners are aligned
        assert torch.equal(corners[:, y, x], larger[:, y, x])

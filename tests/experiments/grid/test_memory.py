"""The memory of a step by calculation, against the bytes that a real step has alive."""

import pytest
import torch

from experiments.conformance.memory import Bounded
from experiments.grid import memory
from experiments.grid.entries import TableEntry
from experiments.grid.matrices import MatrixRow, load_matrix, load_profile
from experiments.grid.memory import UNLIMITED, columns_bytes, memory_lines, network_of, step_bytes
from experiments.recipes.load import load
from experiments.training.model import build_detector

SMALL = ["model.weights=none", "model.backbone=resnet18", "model.channels=32", "model.tower_convs=1"]


DEFORMED = ["model.dcn=c3-c5", "model.dcn_tower=true", "model.backbone=resnext50_32x4d", "model.width=0.125"]


@pytest.mark.parametrize("network", [[], DEFORMED], ids=["plain", "deformable"])
@pytest.mark.parametrize("recompute", ["false", "true"])
@pytest.mark.parametrize("images", [1, 3])
def test_the_calculation_meets_a_real_step(images, recompute, network):
    recipe = load("shapes", "autoassign", [*SMALL, *network, f"model.recompute={recompute}"], 0)
    with torch.device("meta"):
        calculated = step_bytes(build_detector(recipe, 10), images, (256, 320))
    model = build_detector(recipe, 10)
    with Bounded(UNLIMITED) as live:
        preds = model.predict(torch.zeros(images, 3, 256, 320, dtype=torch.uint8))
        sum(x.sum() for x in (preds.logits, preds.deltas, *preds.branches.values())).backward()
    assert calculated == pytest.approx(live.peak, rel=0.05)


def entry(*overrides: str, assigner: str = "fcos") -> TableEntry:
    row = MatrixRow("row", assigner, (), "", "", {})
    recipe = load("coco", assigner, [*SMALL, *overrides], 0)
    return TableEntry(7, row, "coco", "coco", "coco", 0, "", "id", recipe, None, 100, 80)


def test_a_network_and_size_have_one_line_and_the_hungriest_method(monkeypatch):
    monkeypatch.setattr(memory, "RESERVE", 0.0)
    (nine,), (one,) = memory_lines([entry(assigner="retinanet")]), memory_lines([entry()])
    assert memory_lines([entry(), entry(assigner="retinanet")]) == [min(nine, one, key=_images)]
    assert "resnet18, 800 x 1344: a device of 11 GB" in one


@pytest.mark.parametrize(
    ("network", "largest"),
    [
        ([], 0),
        (["model.dcn=c3-c5"], 128 * 32 * 40),  # channels and cells of C3
        (["model.dcn=c4-c5"], 256 * 16 * 20),
        (["model.dcn_tower=true"], 32 * 32 * 40),  # the towers on P3
    ],
)
def test_the_columns_of_the_largest_deformable_convolution_are_counted(network, largest):
    with torch.device("meta"):
        model = build_detector(load("shapes", "autoassign", [*SMALL, *network], 0), 10)
    assert columns_bytes(model, (256, 320)) == 9 * 4 * largest  # taps, bytes
    assert not any(m._forward_hooks for m in model.modules())


def test_deformable_convolutions_are_a_network_of_their_own():
    lines = memory_lines([entry(), entry("model.dcn=c4-c5"), entry("model.dcn_tower=true")])
    networks = [line.partition(",")[0] for line in lines]
    assert networks == ["resnet18", "resnet18 DCN C4-C5", "resnet18 DCN towers"]


def test_recomputation_lets_more_images_in():
    deep = ["model.tower_convs=4", "model.channels=256"]
    kept, again = (memory_lines([entry(*deep, f"model.recompute={value}")])[0] for value in ("false", "true"))
    assert _images(again) > _images(kept)


def test_nothing_fits_a_device_smaller_than_the_network(monkeypatch):
    monkeypatch.setattr(memory, "DEVICES", (0.001,))
    assert "at most 0 images" in memory_lines([entry()])[0]


def _images(line: str) -> int:
    """That fit the smaller device."""
    return int(line.split("at most ")[1].split()[0])


def test_networks_of_one_key_take_as_much_and_a_style_that_has_other_tensors_has_another():
    """The combinations of table 8 are 44 recipes and 9 networks."""
    matrix = load_matrix(8, load_profile("cpu"))
    recipes = [load("shapes", row.method, [*SMALL, *row.set], 0) for row in matrix.rows]
    by_network = {}
    for recipe in recipes:
        by_network.setdefault(network_of(recipe), []).append(recipe)
    assert len(by_network) == 9
    sizes = []
    for same in by_network.values():
        with torch.device("meta"):
            models = [build_detector(recipe, 10) for recipe in (same[0], same[-1])]
        sizes.append({step_bytes(model, 1, (64, 64)) for model in models})
    assert {len(size) for size in sizes} == {1} and len(set.union(*sizes)) > 4

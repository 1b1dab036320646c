"""What compared runs share is bit-equal over all assigners, and the hashes of the record see every difference."""

from functools import cache

import pytest
import torch

import assigners
from experiments.recipes import recipe
from experiments.runtime.processes import World
from experiments.training import execute
from experiments.training.fairness import shared
from experiments.training.run_spec import Cell, detector, find

SMALL = ("data.train_images=32", "data.val_images=4", "model.channels=16", "model.tower_convs=2")
NAMES = assigners.available()


@cache
def cell(name: str, *overrides: str, seed: int = 0) -> Cell:
    return find(recipe.load("shapes", name, [*SMALL, *overrides], seed), None)


@cache
def hashes(name: str, *overrides: str, seed: int = 0) -> dict[str, str]:
    found = cell(name, *overrides, seed=seed)
    return shared(found, detector(found.recipe, 10))


def weights(name: str, *overrides: str) -> dict[str, torch.Tensor]:
    return {
        key: value
        for key, value in detector(cell(name, *overrides).recipe, 10).state_dict().items()
        if not key.startswith("assigner.")
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["native", "controlled"])
def test_all_that_two_methods_both_have_is_equal(name, mode):
    mine, theirs = hashes(name, f"model.mode={mode}"), hashes("fcos", f"model.mode={mode}")
    both = mine.keys() & theirs.keys()
    assert {key: mine[key] for key in both} == {key: theirs[key] for key in both}
    assert {key for key in mine.keys() ^ theirs.keys() if not key.startswith("P6 ")} == set()


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_equal_name_and_shape_are_bit_equal_across_methods(name):
    mine, theirs = weights(name, "model.mode=controlled"), weights("fcos", "model.mode=controlled")
    drawn = [key for key in mine if key.endswith("weight") and key in theirs and mine[key].shape == theirs[key].shape]
    assert len(drawn) > 50
    assert all(torch.equal(mine[key], theirs[key]) for key in drawn)


def test_towers_without_norm_have_the_same_convolutions():
    plain, normed = (
        [m.weight for m in detector(cell(name).recipe, 10).head.class_tower if isinstance(m, torch.nn.Conv2d)]
        for name in ("retinanet", "fcos")
    )
    assert all(torch.equal(a, b) for a, b in zip(plain, normed, strict=True))
    assert not torch.equal(plain[0], plain[1])


def test_another_seed_is_another_start_and_order_on_the_same_images():
    a, b = hashes("fcos"), hashes("fcos", seed=1)
    changed = {key for key in a if a[key] != b[key]}
    assert changed == {"data order", *(key for key in a if "weights" in key)}


def test_the_same_seed_is_the_same_run():
    found = cell("autoassign")
    assert shared(found, detector(found.recipe, 10)) == hashes("autoassign")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    detector(found.recipe, 10)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("data.flip=0.5", "data order"),
        ("data.short=64", "input"),
        ("data.train_images=48", "images and boxes"),
        ("optimizer.lr=0.002", "optimiser"),
        ("schedule.iterations=601", "schedule"),
        ("test.detections=50", "post-processing limits"),
        ("model.frozen_stages=1", "architecture"),
        ("model.tower_convs=3", "class tower weights"),
        ("model.norm=frozen_bn", "backbone weights"),
    ],
)
def test_a_difference_in_the_recipe_is_seen(change, name):
    assert hashes("fcos", change)[name] != hashes("fcos")[name]


@pytest.mark.parametrize("change", ["data.workers=0", "schedule.checkpoint_every=7", "schedule.evaluations=7"])
def test_what_has_no_effect_is_not_in_the_hashes(change):
    assert hashes("fcos", change) == hashes("fcos")


@pytest.mark.parametrize("part", ["backbone", "fpn", "head.class_tower", "head.box_tower"])
def test_one_changed_weight_is_seen(part):
    found = cell("fcos")
    model = detector(found.recipe, 10)
    with torch.no_grad():
        next(p for p in model.get_submodule(part).parameters() if p.ndim == 4).view(-1)[0] += 1
    assert shared(found, model) != hashes("fcos")


def test_the_memory_format_is_not_seen():
    found = cell("fcos")
    model = detector(found.recipe, 10).to(memory_format=torch.channels_last)
    assert shared(found, model) == hashes("fcos")


def test_no_two_parts_of_a_detector_start_alike():
    found = [value for key, value in hashes("fcos").items() if "weights" in key]
    assert len(set(found)) == len(found) == 5


def test_the_record_holds_the_hashes_and_the_defaults():
    found = cell("autoassign", "assigner.center=shared")
    kept = execute._record(found, detector(found.recipe, 10), World(0, 1, torch.device("cpu")))
    assert kept["shared"] == hashes("autoassign")
    assert kept["defaults"]["center"] == "category" and kept["recipe"]["settings"]["center"] == "shared"


def test_drawn_sets_tell_the_truth_beside_the_priors():
    found = cell("autoassign")
    kept = execute.priors(detector(found.recipe, 10), found)
    truth = dict(zip(kept["classes"], kept["true_offsets"], strict=True))
    assert truth["left"] == [-0.375, 0.0] and truth["disc"] == [0.0, 0.0] and len(kept["mu"]) == 10

"""What compared runs share is bit-equal over all assigners, and the hashes of the record see every difference."""

from functools import cache
from pathlib import Path

import pytest
import torch

import assigners
from detector.detector import Detector
from experiments.recipes.load import load
from experiments.records.run_folder import RunFolder
from experiments.runtime.processes import World
from experiments.runtime.signals import Stop
from experiments.training import execute
from experiments.training.fairness import shared_hashes
from experiments.training.model import build_detector
from experiments.training.run_spec import RunSpec, find
from experiments.training.session import Session

SMALL = ("data.train_images=32", "data.val_images=4", "model.channels=16", "model.tower_convs=2")
NAMES = assigners.available()


@cache
def run(name: str, *overrides: str, seed: int = 0) -> RunSpec:
    return find(load("shapes", name, [*SMALL, *overrides], seed), None)


def detector(spec: RunSpec) -> Detector:
    return build_detector(spec.recipe, 10)


@cache
def hashes(name: str, *overrides: str, seed: int = 0) -> dict[str, str]:
    spec = run(name, *overrides, seed=seed)
    return shared_hashes(spec, detector(spec))


def weights(name: str, *overrides: str) -> dict[str, torch.Tensor]:
    return {
        key: value
        for key, value in detector(run(name, *overrides)).state_dict().items()
        if not key.startswith("assigner.")
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("words", [("mode=native",), ("mode=controlled",), ("mode=controlled", "reference=fcos")])
def test_all_that_two_methods_both_have_is_equal(name, words):
    model = [f"model.{word}" for word in words]
    method, reference = hashes(name, *model), hashes("fcos", *model)
    both = method.keys() & reference.keys()
    assert {key: method[key] for key in both} == {key: reference[key] for key in both}
    assert {key for key in method.keys() ^ reference.keys() if not key.startswith("P6 ")} == set()


def test_a_controlled_run_shares_the_hashes_of_a_native_one_with_the_same_head():
    assert hashes("fcos", "model.mode=controlled", "model.reference=fcos") == hashes("fcos")


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_equal_name_and_shape_are_bit_equal_across_methods(name):
    method, reference = weights(name, "model.mode=controlled"), weights("fcos", "model.mode=controlled")
    both = [key for key in method if key.endswith("weight") and key in reference]
    drawn = [key for key in both if method[key].shape == reference[key].shape]
    assert len(drawn) > 50
    assert all(torch.equal(method[key], reference[key]) for key in drawn)


def test_towers_without_norm_have_the_same_convolutions():
    plain, normed = (
        [m.weight for m in detector(run(name)).head.class_tower if isinstance(m, torch.nn.Conv2d)]
        for name in ("retinanet", "fcos")
    )
    assert all(torch.equal(a, b) for a, b in zip(plain, normed, strict=True))
    assert not torch.equal(plain[0], plain[1])


def test_another_seed_is_another_start_and_order_on_the_same_images():
    a, b = hashes("fcos"), hashes("fcos", seed=1)
    changed = {key for key in a if a[key] != b[key]}
    assert changed == {"data order", *(key for key in a if "weights" in key)}


def test_the_same_seed_is_the_same_run():
    spec = run("autoassign")
    assert shared_hashes(spec, detector(spec)) == hashes("autoassign")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    detector(spec)
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


@pytest.mark.parametrize("module", ["backbone", "fpn", "head.class_tower", "head.box_tower"])
def test_one_changed_weight_is_seen(module):
    spec = run("fcos")
    model = detector(spec)
    with torch.no_grad():
        next(p for p in model.get_submodule(module).parameters() if p.ndim == 4).view(-1)[0] += 1
    assert shared_hashes(spec, model) != hashes("fcos")


def test_the_memory_format_is_not_seen():
    spec = run("fcos")
    model = detector(spec).to(memory_format=torch.channels_last)
    assert shared_hashes(spec, model) == hashes("fcos")


def test_no_two_parts_of_a_detector_start_alike():
    of_weights = [value for key, value in hashes("fcos").items() if "weights" in key]
    assert len(set(of_weights)) == len(of_weights) == 5


def test_the_record_holds_the_hashes_and_the_defaults():
    spec = run("autoassign", "assigner.center=shared")
    session = Session(spec, RunFolder(Path("nowhere")), World(0, 1, torch.device("cpu")), Stop())
    record = execute._record(session, detector(spec))
    assert record.shared == hashes("autoassign")
    assert record.defaults["center"] == "category" and record.settings["center"] == "shared"


def test_synthetic_datasets_tell_the_truth_beside_the_priors():
    spec = run("autoassign")
    priors = execute._priors(detector(spec), spec)
    truth = dict(zip(priors.classes, priors.true_offsets, strict=True))
    assert (
        truth["left"] == pytest.approx([-0.306, 0.0], abs=0.003)
        and truth["disc"] == [0.0, 0.0]
        and len(priors.values["mu"]) == 10
    )
    assert len(priors.true_spreads) == 10
    boxes = spec.train.boxes
    assert priors.box_strides == pytest.approx(((boxes[:, 2:] - boxes[:, :2]).mean(0) / 8).tolist(), rel=1e-5)

"""The fast assigners equal their slow oracles: pairs, weights, loss terms, gradients."""

from types import SimpleNamespace

import pytest
import torch

from assigners import build
from tests.oracles import tally
from tests.oracles.compare import CLASSES, ORACLES, check, fast, prepared, seen, slow
from tests.oracles.scenes import KINDS, SPECS, shuffled


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objectness", ["none", "implicit"])
@pytest.mark.parametrize("method", ORACLES)
def test_a_method_equals_its_oracle(method, objectness, kind, record_property):
    check(method, {"objectness": objectness}, kind, 1, record_property)


@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("method", ORACLES)
def test_a_method_equals_its_oracle_on_random_scenes(method, seed, record_property):
    check(method, {"objectness": "none"}, "random", seed, record_property)


@pytest.mark.parametrize("method", ORACLES)
def test_a_method_asks_for_the_head_of_its_paper(method):
    spec = build(method, num_classes=CLASSES).spec()
    names = ("scales", "ratios", "base", "coder", "delta_weights", "branches")
    assert [getattr(spec, name) for name in names] == [getattr(SPECS[method], name) for name in names]
    style, expected = spec.style, SPECS[method].style
    assert (style.offset, style.prior_prob) == (expected.offset, expected.prior_prob)
    assert style.box_bias == expected.box_bias or method in ("fcos", "atss")


@pytest.mark.parametrize("method", ORACLES)
def test_the_order_of_objects_changes_nothing_and_a_second_step_gives_the_same_bits(method):
    assigner, grid, objects, raw = prepared(method, {}, "random", seed=11)
    _, terms, gradients = fast(assigner, grid, objects, raw)
    again = fast(assigner, grid, objects, raw)
    assert all(torch.equal(terms[k], again[1][k]) for k in terms)
    assert all(torch.equal(gradients[k], again[2][k]) for k in gradients)
    for seed in range(3):
        _, other, changed = fast(assigner, grid, shuffled(objects, seed)[0], raw)
        assert all(torch.allclose(terms[k], other[k], rtol=1e-6) for k in terms)
        assert all(torch.allclose(gradients[k], changed[k], rtol=1e-4, atol=1e-7) for k in gradients)


@pytest.mark.parametrize("method", ORACLES)
def test_objects_that_nothing_learns_are_counted(method):
    assigner, grid, objects, raw = prepared(method, {}, "outside", seed=3)
    _, counts = assigner(seen(assigner, grid, objects, raw.leaves(torch.float32)), objects)
    served = {n for (_, n), (plus, _) in slow(method, {}, grid, objects, raw)[0].pairs.items() if plus > 0}
    assert counts["unassigned"] == len(objects.boxes) - len(served) > 0


def test_comparisons_that_could_not_be_made_are_counted_once_a_test():
    def report(when: str, *properties: tuple[str, str]) -> SimpleNamespace:
        return SimpleNamespace(when=when, user_properties=list(properties))

    compared, skipped = ((tally.PROPERTY, outcome) for outcome in (tally.COMPARED, tally.SKIPPED))
    session = [report("call", compared), report("call", skipped, ("other", "skipped")), report("call", compared)]
    others = [report("setup"), report("teardown", skipped), report("call"), "a warning"]
    assert tally.summary(session + others) == "oracle comparisons skipped: 1 of 3"
    assert tally.summary(others) == ""

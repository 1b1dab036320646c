"""The negative class term and its gradient against their formula in float64."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from assigners.losses import focal

ROWS, CLASSES = 60, 5


def outputs(spread: float) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (P, K), objectness (P,) and weights (P,) of the priors, some of them 0."""
    draw = torch.Generator().manual_seed(0)
    logits = spread * torch.randn(ROWS, CLASSES, generator=draw)
    return logits, spread * torch.randn(ROWS, generator=draw), (torch.rand(ROWS, generator=draw) - 0.3).clamp(min=0)


def formula(logits: Tensor, objectness: Tensor | None, gamma: float, detached: bool) -> Tensor:
    """(P, K) p^gamma (-log(1 - p)), from logarithms that are exact wherever p is."""
    if objectness is None:
        log_p, log_q = logsigmoid(logits), logsigmoid(-logits)
    else:
        o = objectness[:, None]
        log_p = logsigmoid(logits) + logsigmoid(o)
        log_q = torch.logaddexp(logsigmoid(-logits), logsigmoid(logits) + logsigmoid(-o))
    return (gamma * (log_p.detach() if detached else log_p)).exp() * -log_q


@pytest.mark.parametrize("spread", [1.0, 6.0, 25.0])
@pytest.mark.parametrize("gamma", [0.0, 1.5, 2.0])
@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("product", [False, True], ids=["class", "class-objectness"])
def test_value_and_gradient_equal_the_formula(product, detached, gamma, spread, monkeypatch):
    monkeypatch.setattr(focal, "BLOCK", 7 * CLASSES)  # several blocks, the last one not full
    logits, objectness, keep = outputs(spread)
    singles = [logits.clamp(-79, 79), objectness.clamp(-79, 79)][: 1 + product]
    doubles = [x.double().requires_grad_() for x in singles]
    singles = [x.requires_grad_() for x in singles]
    total = focal.negative_sum(singles[0], singles[1] if product else None, keep, gamma, detached)
    expected = (formula(doubles[0], doubles[1] if product else None, gamma, detached) * keep[:, None]).sum()
    assert total.dtype == torch.float32 and total.item() == pytest.approx(expected.item(), rel=1e-6)
    gradients, references = torch.autograd.grad(3 * total, singles), torch.autograd.grad(3 * expected, doubles)
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient.double(), reference, rtol=2e-5, atol=1e-15)


@pytest.mark.parametrize("product", [False, True], ids=["class", "class-objectness"])
def test_a_graph_that_is_walked_again_gives_the_same_gradients(product):
    logits, objectness, keep = outputs(2.0)
    leaves = [x.requires_grad_() for x in [logits, objectness][: 1 + product]]
    total = focal.negative_sum(leaves[0], leaves[1] if product else None, keep, 2.0)
    first = torch.autograd.grad(3 * total, leaves, retain_graph=True)
    kept = [gradient.clone() for gradient in first]
    second = torch.autograd.grad(5 * total, leaves, retain_graph=True)
    again = torch.autograd.grad(3 * total, leaves)
    for a, b, c, d in zip(kept, first, again, second, strict=True):
        assert torch.equal(a, b) and torch.equal(a, c)
        torch.testing.assert_close(d / 5, a / 3)


def test_a_second_derivative_is_refused_and_not_wrong():
    logits, _, keep = outputs(2.0)
    total = focal.negative_sum(logits.requires_grad_(), None, keep, 2.0)
    scale = torch.tensor(2.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(scale * total, logits, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_detaching_changes_the_gradient_and_not_the_value():
    logits, objectness, keep = outputs(2.0)
    totals, gradients = [], []
    for detached in (False, True):
        leaf = logits.clone().requires_grad_()
        totals.append(focal.negative_sum(leaf, objectness, keep, 2.0, detached))
        gradients += torch.autograd.grad(totals[-1], leaf)
    assert totals[0] == totals[1] and not torch.allclose(*gradients)


@pytest.mark.parametrize("far", [80.0, 100.0, 1e4, 3e38])
@pytest.mark.parametrize("o", [None, 80.0, -80.0])
def test_a_far_logit_counts_as_80(far, o):
    objectness = None if o is None else torch.full((2,), o)
    values, gradients = [], []
    for size in (far, 80.0):
        logits = torch.tensor([[size], [-size]]).requires_grad_()
        values.append(focal.negative_sum(logits, objectness, torch.ones(2), 2.0))
        gradients += torch.autograd.grad(values[-1], logits)
    assert values[0] == values[1] and values[0].isfinite() and torch.equal(*gradients)
    if o is None:
        assert values[0].item() == pytest.approx(80.0) and gradients[0].flatten().tolist() == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("product", [False, True], ids=["class", "class-objectness"])
def test_the_sum_of_a_row_equals_the_formula(product):
    logits, objectness, _ = outputs(6.0)
    doubles = (logits.double(), objectness.double() if product else None)
    rows = focal.negative_rows(logits.requires_grad_(), objectness if product else None, 1.5)
    assert not rows.requires_grad
    torch.testing.assert_close(rows.double(), formula(*doubles, 1.5, False).sum(1), rtol=1e-5, atol=1e-20)


def test_a_prior_of_weight_0_has_no_gradient_and_no_priors_sum_to_0():
    logits, objectness, keep = outputs(2.0)
    leaves = logits.requires_grad_(), objectness.requires_grad_()
    by_class, by_objectness = torch.autograd.grad(focal.negative_sum(*leaves, keep, 2.0), leaves)
    assert (by_class[keep == 0] == 0).all() and (by_objectness[keep == 0] == 0).all() and (by_class[keep > 0] > 0).all()
    assert focal.negative_sum(logits[:0], None, keep[:0], 2.0) == 0

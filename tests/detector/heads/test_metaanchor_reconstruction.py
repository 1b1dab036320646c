"""MetaAnchor's generated layers equal the slow ones, and start as RetinaNet's for the base square."""

from dataclasses import replace

import pytest
import torch

import assigners
from assigners.retinanet import HEAD
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.heads import HEADS
from tests.oracles.metaanchor import generated

CONFIG = DetectorConfig("resnet18", "none", "gn", 0, 16, 1)


def head(seed: int = 2):
    spec = assigners.build("metaanchor", 3).spec()
    return HEADS[spec.variant](spec, 3, 16, 1, 5, seed)


@pytest.mark.parametrize("layer", ["logits", "deltas"])
def test_a_generated_layer_equals_one_convolution_an_anchor(layer):
    module, x = head().get_submodule(layer), torch.randn(2, 16, 5, 7, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        module.w2.mul_(30)  # far from theta*
    numbers = dict(module.named_parameters())
    ours, leaves = module(x), [p.detach().double().requires_grad_() for p in numbers.values()]
    slow = generated(HEAD, x.double(), **dict(zip(numbers, leaves, strict=True)))
    torch.testing.assert_close(ours.double(), slow, rtol=1e-5, atol=1e-6)
    weight = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
    gradients = torch.autograd.grad((weight * ours).sum(), list(numbers.values()))
    references = torch.autograd.grad((weight * slow).sum(), leaves)
    for name, gradient, reference in zip(numbers, gradients, references, strict=True):
        assert (gradient - reference).abs().max() <= 1e-5 * reference.abs().max(), name


def test_the_base_square_has_theta_itself_and_every_other_anchor_its_own():
    module = head().logits
    weight, bias = (x.unflatten(0, (9, 3)) for x in module.of_anchors())
    base = [i for i, b in enumerate(module.priors.tolist()) if b == [0.0, 0.0]]
    assert base == [3]  # ratio 1, scale 1
    assert torch.equal(weight[3], module.theta) and torch.equal(bias[3], module.bias)
    assert len({tuple(w.flatten().tolist()) for w in weight}) == 9


def test_the_head_starts_near_that_of_retinanet():
    module = head().logits
    assert module.bias.sigmoid().tolist() == pytest.approx([0.01] * 3, rel=1e-5)
    assert module.theta.std().item() == pytest.approx(0.01, rel=0.1)
    weight, _ = module.of_anchors()
    assert (weight.unflatten(0, (9, 3)) - module.theta).std() < 0.005
    assert not head().deltas.bias.any()


def test_its_assignment_is_that_of_retinanet():
    meta, retina = (assigners.build(name, 3) for name in ("metaanchor", "retinanet"))
    assert replace(meta.head, variant="towers") == retina.head and meta.loss == retina.loss
    with pytest.raises(assigners.AssignerError, match=r"negative_iou is 0\.6 and positive_iou 0\.5"):
        assigners.build("metaanchor", 3, negative_iou=0.6)


def test_a_detector_trains_its_generators():
    net = Detector(CONFIG, assigners.build("metaanchor", 3), seed=2)
    preds = net.predict(torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8))
    assert preds.logits.shape == (preds.grid.size, 3)
    (preds.logits.square().sum() + preds.deltas.square().sum()).backward()
    assert all(p.grad.any() for layer in (net.head.logits, net.head.deltas) for p in layer.parameters())


def test_its_file_says_that_it_is_a_reconstruction():
    from assigners.describe import describe

    assert describe("metaanchor").line.startswith("a reconstruction without the authors' code")

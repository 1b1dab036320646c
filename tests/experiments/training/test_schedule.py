"""The optimiser of a recipe takes the steps of torch's plain loop over the tensors, whatever their memory format."""

import copy

import pytest
import torch
from torch import nn

import assigners
from experiments.recipes.load import load
from experiments.training.schedule import make_optimizer, set_rate


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_steps_are_those_of_the_plain_loop(kind):
    recipe = load(
        "shapes", "fcos", [f"optimizer.kind={kind}", "optimizer.lr=0.01", "optimizer.momentum=0.9"], 0
    ).optimizer
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 4, 3)).to(
        memory_format=torch.channels_last
    )
    plain, draw = copy.deepcopy(net), torch.Generator().manual_seed(0)
    optimizer, loop = make_optimizer(net, recipe), make_optimizer(plain, recipe)
    for group in loop.param_groups:
        group["fused"] = False
    for _ in range(5):
        images = torch.rand(2, 3, 9, 9, generator=draw).contiguous(memory_format=torch.channels_last)
        for model, steps in ((net, optimizer), (plain, loop)):
            model.zero_grad(set_to_none=True)
            model(images).square().mean().backward()
            steps.step()
    for a, b in zip(net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


class Leaning(nn.Module):
    """A network beside a method with priors of its own, one of which has one axis."""

    def __init__(self):
        super().__init__()
        self.head, self.assigner = nn.Linear(3, 2), assigners.build("autoassign", 4)
        self.assigner.scale = nn.Parameter(torch.ones(4))


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
@pytest.mark.parametrize("factor", [1.0, 20.0])
def test_priors_take_their_own_factor_of_the_rate_and_nothing_else_does(kind, factor):
    words = [f"optimizer.kind={kind}", "optimizer.weight_decay=0", f"optimizer.priors_lr_factor={factor}"]
    model, recipe = Leaning(), load("shapes", "autoassign", words, 0).optimizer
    before = copy.deepcopy(model.state_dict())
    optimizer = make_optimizer(model, recipe, model.assigner.priors())
    set_rate(optimizer, 0.01)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    for name, value in model.state_dict().items():
        rate = 0.01 * (factor if name.startswith("assigner.") else 1.0)
        torch.testing.assert_close(value, before[name] - rate)


def test_the_order_of_the_moments_is_that_of_two_groups():
    """A checkpoint of before the priors had a group of their own is resumed by position."""
    model, recipe = Leaning(), load("shapes", "autoassign", [], 0).optimizer
    optimizer = make_optimizer(model, recipe, model.assigner.priors())
    learned = list(model.parameters())
    order = [*(p for p in learned if p.ndim > 1), *(p for p in learned if p.ndim <= 1)]
    assert [id(p) for group in optimizer.param_groups for p in group["params"]] == [id(p) for p in order]
    decay = {group["weight_decay"] for group in optimizer.param_groups if any(p.ndim > 1 for p in group["params"])}
    assert decay == {recipe.weight_decay}


def test_priors_are_the_parameters_that_an_assigner_has_itself():
    assert [p.shape for p in assigners.build("autoassign", 4).priors()] == [(4, 2), (4, 2)]
    assert assigners.build("autoassign", 4, center="fixed").priors() == assigners.build("fcos", 4).priors() == []

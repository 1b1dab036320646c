"""The optimiser of a recipe takes the steps of torch's plain loop over the tensors, whatever their memory format."""

import copy

import pytest
import torch
from torch import nn

from experiments.recipes.load import load
from experiments.training.schedule import make_optimizer


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

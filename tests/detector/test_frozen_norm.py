"""Frozen batch normalisation, by itself and folded into its convolution, against torchvision's two passes."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torchvision.models import get_model
from torchvision.ops import FrozenBatchNorm2d

from detector.backbone import Backbone
from detector.dcn import DeformableConv
from detector.frozen_norm import FoldedConv, FrozenNorm, fold


def random_statistics(net: nn.Module, seed: int = 0) -> nn.Module:
    stream = torch.Generator().manual_seed(seed)
    for norm in net.modules():
        if isinstance(norm, FrozenBatchNorm2d):
            for buffer in norm.buffers():
                buffer.copy_(torch.rand(buffer.shape, generator=stream) + 0.5)
    return net


def test_it_equals_torchvisions_and_keeps_the_memory_format():
    stream = torch.Generator().manual_seed(0)
    theirs, ours = random_statistics(FrozenBatchNorm2d(16)), random_statistics(FrozenNorm(16))
    x = torch.randn(2, 16, 5, 7, generator=stream).to(memory_format=torch.channels_last).requires_grad_()
    upstream = torch.randn(2, 16, 5, 7, generator=stream)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-6, rtol=1e-6)
    (left,), (right,) = (torch.autograd.grad(norm(x), x, upstream) for norm in (ours, theirs))
    torch.testing.assert_close(left, right, atol=0, rtol=0)
    assert ours(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d", "mobilenet_v2"])
def test_a_folded_network_has_the_same_names_outputs_and_gradients(name):
    theirs = random_statistics(get_model(name, weights=None, norm_layer=FrozenBatchNorm2d)).double()
    ours = get_model(name, weights=None, norm_layer=FrozenNorm)
    fold(ours)
    ours.double().load_state_dict(theirs.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert not any(type(m) is FrozenNorm for m in ours.modules())
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    outputs = [net.eval()(x) for net in (ours, theirs)]
    torch.testing.assert_close(*outputs)
    gradients = [
        torch.autograd.grad(out.sum(), list(net.parameters())) for out, net in zip(outputs, (ours, theirs), strict=True)
    ]
    torch.testing.assert_close(*gradients)


def test_nothing_is_drawn_for_it():
    conv = nn.Sequential(nn.Conv2d(4, 8, 3, bias=False), FrozenNorm(8))
    before = torch.get_rng_state()
    fold(conv)
    assert torch.equal(before, torch.get_rng_state())


def test_statistics_that_come_later_count_and_a_copy_has_its_own():
    net = nn.Sequential(nn.Conv2d(4, 8, 3, bias=False), FrozenNorm(8))
    fold(net)
    copy, x = deepcopy(net), torch.ones(1, 4, 3, 3)
    before = net(x)
    random_statistics(copy)
    assert torch.equal(net(x), before) and not torch.equal(copy(x), before)
    net.load_state_dict(copy.state_dict())
    assert torch.equal(net(x), copy(x))


def test_a_deformable_convolution_keeps_its_norm():
    stages = Backbone("resnet18", "none", "frozen_bn", 0, width=0.25, dcn="c4-c5").stages
    block = stages[3][0]
    assert type(block.conv1) is FoldedConv and type(block.conv2) is DeformableConv and type(block.bn2) is FrozenNorm

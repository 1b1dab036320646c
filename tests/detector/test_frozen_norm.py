"""Frozen batch normalisation in one pass against torchvision's two."""

import torch
from torchvision.ops import FrozenBatchNorm2d

from detector.frozen_norm import FrozenNorm


def test_it_equals_torchvisions_and_keeps_the_memory_format():
    stream = torch.Generator().manual_seed(0)
    theirs, ours = FrozenBatchNorm2d(16), FrozenNorm(16)
    for buffer in theirs.buffers():
        buffer.copy_(torch.rand(16, generator=stream) + 0.5)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 16, 5, 7, generator=stream).to(memory_format=torch.channels_last).requires_grad_()
    upstream = torch.randn(2, 16, 5, 7, generator=stream)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-6, rtol=1e-6)
    (left,), (right,) = (torch.autograd.grad(norm(x), x, upstream) for norm in (ours, theirs))
    torch.testing.assert_close(left, right, atol=0, rtol=0)
    assert ours(x).is_contiguous(memory_format=torch.channels_last)

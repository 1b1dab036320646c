"""The pyramid against plain convolutions and indices."""

import pytest
import torch
from torch import Tensor

from detector.fpn import FPN

CHANNELS, WIDTH = [4, 6, 10], 8


def features(height: int = 13, width: int = 20) -> list[Tensor]:
    """C3, C4, C5 whose sides need not be even."""
    draw = torch.Generator().manual_seed(0)
    sides = [(-(-height // s), -(-width // s)) for s in (1, 2, 4)]
    return [torch.randn(2, c, *side, generator=draw) for c, side in zip(CHANNELS, sides, strict=True)]


def raised(coarse: Tensor, fine: Tensor) -> Tensor:
    """The coarse map at the size of the fine one: each cell takes the value of the coarse cell it lies in."""
    rows, columns = (torch.arange(n) * m // n for n, m in zip(fine.shape[-2:], coarse.shape[-2:], strict=True))
    return coarse[:, :, rows][:, :, :, columns]


@pytest.mark.parametrize("p6_from", ["c5", "p5"])
def test_five_levels_come_out_each_half_the_one_before(p6_from):
    levels = FPN(CHANNELS, WIDTH, p6_from, seed=0)(features())
    assert [tuple(p.shape) for p in levels] == [
        (2, WIDTH, 13, 20), (2, WIDTH, 7, 10), (2, WIDTH, 4, 5), (2, WIDTH, 2, 3), (2, WIDTH, 1, 2)
    ]  # fmt: skip


def test_a_level_is_the_smoothed_sum_of_its_feature_and_the_coarser_ones():
    fpn, (c3, c4, c5) = FPN(CHANNELS, WIDTH, "c5", seed=0), features()
    top = fpn.lateral[2](c5)
    middle = fpn.lateral[1](c4) + raised(top, c4)
    bottom = fpn.lateral[0](c3) + raised(middle, c3)
    expected = [smooth(x) for smooth, x in zip(fpn.smooth, (bottom, middle, top), strict=True)]
    for level, reference in zip(fpn([c3, c4, c5]), expected, strict=False):
        torch.testing.assert_close(level, reference)


def test_p6_comes_from_c5_or_from_p5_and_p7_from_p6():
    inputs = features()
    from_c5, from_p5 = FPN(CHANNELS, WIDTH, "c5", seed=0), FPN(CHANNELS, WIDTH, "p5", seed=0)
    assert from_c5.p6.in_channels == CHANNELS[-1] and from_p5.p6.in_channels == WIDTH
    levels = from_c5(inputs)
    assert torch.equal(levels[3], from_c5.p6(inputs[-1]))
    assert torch.equal(levels[4], from_c5.p7(levels[3].relu()))
    levels = from_p5(inputs)
    assert torch.equal(levels[3], from_p5.p6(levels[2]))
    assert torch.equal(levels[4], from_p5.p7(levels[3].relu()))

"""Levels against a simulated random walk."""

import numpy as np
import pytest
from scipy.stats import norm

from analysis.spending import nominal_levels

WALKS = 400_000


@pytest.mark.parametrize("looks", [(1, 2, 3, 4, 5), (3, 5, 7, 10)])
def test_each_look_spends_its_share_of_the_level(looks):
    walk = np.cumsum(np.random.default_rng(0).standard_normal((WALKS, looks[-1])), axis=1)
    crossed = np.zeros(WALKS, bool)
    for seeds, level in zip(looks, nominal_levels(looks, 0.05), strict=True):
        crossed |= abs(walk[:, seeds - 1]) > norm.isf(level / 2) * seeds**0.5
        assert crossed.mean() == pytest.approx(0.05 * seeds / looks[-1], abs=1.5e-3)


def test_one_look_spends_all_and_the_scale_does_not_matter():
    assert nominal_levels((7,), 0.05) == pytest.approx((0.05,))
    assert nominal_levels((2, 4), 0.01) == pytest.approx(nominal_levels((5, 10), 0.01), abs=1e-6)

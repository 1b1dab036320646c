"""Half-widths against printed values and simulated coverage; draws of images."""

import numpy as np
import pytest

from analysis.stats import half_width, mean_of, multiplicities


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.7062), (2, 4.3027), (10, 2.2281), (30, 2.0423), (120, 1.9799)])
def test_quantiles_of_student(freedom, t):
    assert half_width(0.05, (1.0, freedom)) == pytest.approx(t, abs=1e-4)  # printed tables


def test_means_and_half_widths():
    assert mean_of([]) is None
    assert (mean_of([0.5]).value, mean_of([0.5]).half, mean_of([0.5]).n) == (0.5, None, 1)
    assert mean_of([0.1, 0.2, 0.3]).half == pytest.approx(4.3027 * 0.1 / 3**0.5, abs=1e-5)
    assert mean_of([0.5, 0.5]).half == 0


def test_the_half_width_of_one_noise_is_students_and_covers_the_sum_of_two():
    # Student's sleep data (1908): extra hours of ten patients, drug 2 minus drug 1.
    hours = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    assert mean_of(hours.tolist()).half == pytest.approx(0.8798861, abs=1e-6)
    assert half_width(0.05, (1.0, 10), (3.0, 10)) == pytest.approx(2 * 2.2281, abs=1e-3)
    assert half_width(0.05, (1.0, 0), (3.0, 10)) == np.inf


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0, 3.0])
def test_two_noises_of_which_one_is_known_badly_are_covered(ratio):
    """The mean of 2 seeds with an error of the images that 60 images tell; Welch's degrees of freedom cover 90 %."""
    g, tries = np.random.default_rng(1), 20_000
    seeds, images = g.standard_normal((tries, 2)), ratio * g.standard_normal(tries)
    estimated = ratio**2 * g.chisquare(59, tries) / 59
    half = half_width(0.05, (seeds.var(1, ddof=1) / 2, 1), (estimated, 59))
    assert (abs(seeds.mean(1) + images) <= half).mean() >= 0.947


def test_every_draw_has_as_many_images():
    draws = multiplicities(50, 30, np.random.default_rng(0))
    assert draws.shape == (50, 30) and (draws.sum(0) == 50).all()
    assert np.array_equal(draws, multiplicities(50, 30, np.random.default_rng(0)))

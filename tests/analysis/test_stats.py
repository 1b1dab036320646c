"""Statistics against printed values and simulated coverage."""

import numpy as np
import pytest

from analysis.stats import holm, mean_of, multiplicities, paired, quantile


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.7062), (2, 4.3027), (10, 2.2281), (30, 2.0423), (120, 1.9799)])
def test_quantiles_of_student(freedom, t):
    assert quantile(freedom) == pytest.approx(t, abs=1e-4)  # printed tables


def test_means_and_half_widths():
    assert mean_of([]) is None
    assert (mean_of([0.5]).value, mean_of([0.5]).half, mean_of([0.5]).n) == (0.5, None, 1)
    assert mean_of([0.1, 0.2, 0.3]).half == pytest.approx(4.3027 * 0.1 / 3**0.5, abs=1e-5)
    assert mean_of([0.5, 0.5]).half == 0


def test_holm_on_known_examples():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust(p, "holm")
    assert holm([0.5, None, 0.6]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_a_paired_t_test_is_the_printed_one():
    # Student's sleep data (1908): extra hours of ten patients, drug 2 minus drug 1; t = 4.0621, p = 0.00283.
    difference = paired(np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]))
    assert (difference.value, difference.p) == (pytest.approx(1.58), pytest.approx(0.002833, abs=1e-6))
    assert difference.half == pytest.approx(0.8798861, abs=1e-6)


def test_one_seed_cannot_tell():
    difference = paired(np.array([0.3]), np.array([0.29, 0.31]), 100)
    assert (difference.value, difference.p, difference.known) == (0.3, None, False)
    assert difference.half == pytest.approx(1.9842 * 0.02 / 2**0.5, rel=1e-4)  # over the images alone
    assert paired(np.array([0.3])).half is None


def test_identical_methods_do_not_differ():
    assert paired(np.zeros(3), np.zeros(9), 10).p == 1
    assert paired(np.ones(3), np.ones(9), 10).p == 0


def test_the_noise_of_the_images_widens_the_interval():
    d, g = np.array([0.02, 0.03, 0.025]), np.random.default_rng(0)
    alone, both = paired(d), paired(d, 0.025 + 0.02 * g.standard_normal(4000), 400)
    assert both.half > alone.half and both.p > 0.1 > alone.p


def test_intervals_cover_the_truth():
    """Seeds, images and their interaction are random."""
    g, seeds, images, covered, tries = np.random.default_rng(1), 3, 60, 0, 1000
    for _ in range(tries):
        table = (
            g.normal(0, 0.5, (seeds, 1)) + g.normal(0, 2.0, (1, images)) + g.normal(0, 1.0, (seeds, images)) + 0.7
        )  # difference of seed s on image v
        draws = multiplicities(images, 200, g)
        difference = paired(table.mean(1), (table @ draws / images).mean(0), images)
        covered += abs(difference.value - 0.7) <= difference.half
    assert 0.93 <= covered / tries <= 0.97


def test_every_draw_has_as_many_images():
    draws = multiplicities(50, 30, np.random.default_rng(0))
    assert draws.shape == (50, 30) and (draws.sum(0) == 50).all()
    assert np.array_equal(draws, multiplicities(50, 30, np.random.default_rng(0)))

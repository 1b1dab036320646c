"""Effects of made-up seeds and images whose noise is known."""

import numpy as np
import pytest

from analysis.effects import Effect, Term, estimates_of
from analysis.stats import multiplicities

TERMS = (Term(1, "a", "main"), Term(-1, "b", "main"))


def effect(values: np.ndarray, draws: np.ndarray) -> Effect:
    """values: (seeds, images), the difference of two rows at each."""
    drawn = values @ draws / values.shape[1]
    by_seed = {s: float(v) for s, v in enumerate(values.mean(1))}
    return Effect(TERMS, by_seed, dict(enumerate(drawn)), values.shape[1], "", False)


@pytest.mark.parametrize("noise", [(0.5, 2.0, 1.0), (0.5, 0.0, 4.0), (1.0, 0.0, 0.0), (0.2, 3.0, 0.0)])
def test_an_interval_covers_seeds_images_and_what_images_do_to_a_single_seed(noise):
    """Deviations of the seeds, of the images that all seeds share, and of both together; 3 seeds, one claim."""
    g, seeds, images, tries, covered = np.random.default_rng(1), 3, 60, 600, 0
    for _ in range(tries):
        of_seeds, of_images, of_both = (
            s * g.standard_normal(n) for s, n in zip(noise, sizes(seeds, images), strict=True)
        )
        one = effect(0.7 + of_seeds + of_images + of_both, multiplicities(images, 150, g))
        now = estimates_of([one], list(range(seeds)))
        covered += abs(now.mean[0, 0] - 0.7) <= now.half(0.05)[0, 0]
    assert 0.93 <= covered / tries <= 0.985


def sizes(seeds: int, images: int) -> tuple[tuple[int, int], ...]:
    return (seeds, 1), (1, images), (seeds, images)


def test_what_images_do_to_one_seed_alone_is_noise_of_the_seeds():
    g = np.random.default_rng(0)
    draws = multiplicities(4000, 400, g)
    shared, alone = g.standard_normal((1, 4000)), g.standard_normal((2, 4000))
    for values, expected in ((shared + 0 * alone, 1 / 4000), (alone, 0.0), (shared + alone, 1 / 4000)):
        assert effect(values, draws).noise_of_images([0, 1]) == pytest.approx(expected, abs=0.4 / 4000)
    assert effect(shared + alone, draws).noise_of_images([1]) == pytest.approx(2 / 4000, rel=0.3)  # one seed: all of it


def test_more_seeds_do_not_lessen_the_noise_of_the_images():
    g = np.random.default_rng(0)
    many = effect(g.standard_normal((1, 400)) + np.zeros((9, 1)), multiplicities(400, 200, g))
    assert many.noise_of_images(range(9)) == pytest.approx(many.noise_of_images(range(3)))
    assert Effect(TERMS, {0: 1.0, 1: 2.0}, {}, 0, "not known", False).noise_of_images([0, 1]) == 0

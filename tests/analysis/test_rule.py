"""Simulated with known truth: coverage of the intervals and false verdicts of the rule. The figures are printed.

The constants of the rule were chosen on CHOSEN, with a look at some of OTHER: no blind test, but kinds of their own.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from analysis.noise import from_seeds, from_weights
from analysis.rule import (
    CONFIRMED,
    CONTRADICTED,
    EQUIVALENT,
    OPEN,
    Estimates,
    Looks,
    Margins,
    estimates,
    verdicts,
)
from analysis.stats import LEVEL
from experiments.records.decision_schema import LOOKS

TRIALS, SEEDS = 2000, (2, 3, 4, 5, 7, 10)
BY_LOOKS = Looks(LOOKS, fixed=False)
TRUTHS = ((4.0, (0.0,)), (1.0, (0.0,)), (0.6, (0.0,)), (1.0, (0.0, 2.0, 4.0, 8.0)), (0.6, (1.0,)))  # noise, AP


def star(rows: int) -> np.ndarray:
    """The first row less each other."""
    return np.hstack([np.ones((rows - 1, 1)), -np.eye(rows - 1)])


def pairs(count: int) -> np.ndarray:
    return np.kron(np.eye(count), [[-1, 1]])


TABLES = {  # contrasts (claims, rows)
    "2": np.array([[-1, 0, 1, 0], [0, 0, -1, 1], [-1, 1, 0, 0], [0, -1, 1, 0]]),
    "4": star(5),
    "5": pairs(5),
    "7": np.kron(np.eye(3), star(5)),
    "of 1 claim": star(2),
    "of 2 claims": star(3),
    "of 8 claims": star(9),
    "of 15 claims, all pairs of 6 rows": np.array([np.eye(6)[i] - np.eye(6)[j] for i in range(6) for j in range(i)]),
    "of 34 claims": pairs(34),
}


@dataclass(frozen=True)
class Kind:
    """Of made-up noise. AP in percent; a difference of two rows has a standard deviation of 1 over seeds."""

    unequal: float = 0.0  # standard deviation of the log of a row's noise
    tails: float | None = None  # degrees of freedom of Student's t; None: normal
    first: float = 1.0  # by how much the first row is noisier
    images: float = 0.0  # standard deviation of a difference over the images, the same for all seeds


CHOSEN = [(t, Kind(unequal)) for t in "2457" for unequal in (0.0, 0.3, 0.6)]
ADVERSE = (Kind(), Kind(tails=5), Kind(unequal=1.0), Kind(unequal=0.6, tails=5))
OTHER = [(t, kind) for t in TABLES for kind in ADVERSE if (t, kind) not in CHOSEN]
SHARED = [(t, Kind(first=3.0)) for t in ("2", "4", "7", "of 2 claims", "of 8 claims")]


def differences(table: str, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """(trials, claims, 10 seeds) of truth 0, and the variance of each claim by its images, as 400 of them tell it."""
    contrasts, g = TABLES[table], np.random.default_rng(7)
    rows, seeds = (TRIALS, contrasts.shape[1]), SEEDS[-1]
    own = np.exp(kind.unequal * g.standard_normal((*rows, 1))) / 2**0.5
    own[:, 0] *= kind.first
    drawn = g.standard_normal((*rows, seeds))
    if kind.tails:
        drawn = g.standard_t(kind.tails, (*rows, seeds)) / (kind.tails / (kind.tails - 2)) ** 0.5
    common = g.standard_normal((TRIALS, 1, seeds))  # of a seed, in all rows
    images = kind.images / 2**0.5 * g.standard_normal((*rows, 1))
    variance = kind.images**2 / 2 * (contrasts**2).sum(1) * g.chisquare(399, (TRIALS, len(contrasts))) / 399
    return contrasts @ (own * drawn + common + images), variance


def told(table: str, d: np.ndarray, images: np.ndarray) -> Estimates:
    independent = np.minimum(from_weights(TABLES[table]), from_seeds(d))
    seeds = np.full(d.shape[1], d.shape[2])
    return estimates(d.mean(-1), d.var(-1, ddof=1), seeds, independent, images, np.float64(399))


@dataclass(frozen=True)
class Figures:
    """Fractions of 1."""

    fixed: list[float]  # coverage at each of SEEDS
    looked: float  # coverage of an interval at all looks together
    false: list[float]  # share of tables with a false verdict: by looks, and once at 3 and at 10 seeds

    def __str__(self) -> str:
        return f"fixed {percents(self.fixed)} | sequential {percents([self.looked])} | false {percents(self.false)}"


def percents(values: list[float]) -> str:
    return " ".join(f"{100 * value:.1f}" for value in values)


def simulated(capsys, table: str, kind: Kind) -> Figures:
    """And printed."""
    d, images = differences(table, kind)
    now = {n: told(table, d[..., :n], images) for n in SEEDS}
    fixed = [float((abs(e.mean) <= e.half(LEVEL)).mean()) for e in now.values()]
    looked = [abs(now[n].mean) <= now[n].half(BY_LOOKS.level(look, 1)) for look, n in enumerate(LOOKS, 1)]
    rules = [BY_LOOKS, *(Looks((n,), fixed=True) for n in (3, 10))]
    figures = Figures(fixed, float(np.all(looked, axis=0).mean()), [_false(now, looks) for looks in rules])
    with capsys.disabled():
        print(f"\ntable {table}, {kind}: {figures}", end="")
    return figures


def _false(now: dict[int, Estimates], looks: Looks) -> float:
    """Of the worst of TRUTHS; the margin is 1. All is measured in units of the noise."""
    count = now[2].mean.shape[1]
    halves = [now[n].half(looks.level(look, count)) for look, n in enumerate(looks.seeds, 1)]
    rates = []
    for noise, truth in TRUTHS:
        true, codes = np.resize(truth, count) / noise, np.full(now[2].mean.shape, OPEN)
        margins = Margins(np.full(count, 1 / noise), np.zeros(count, bool))
        for n, half in zip(looks.seeds, halves, strict=True):
            mean = now[n].mean + true
            codes = np.where(codes == OPEN, verdicts(mean - half, mean + half, margins), codes)
        wrong = ((codes == CONFIRMED) & (true <= 0)) | ((codes == CONTRADICTED) & (true >= 0))
        wrong |= (codes == EQUIVALENT) & (abs(true) >= margins.margin)
        rates.append(float(wrong.any(-1).mean()))
    return max(rates)


def test_the_bars_hold_on_what_the_constants_were_chosen_on(capsys):
    for table, kind in CHOSEN:
        figures = simulated(capsys, table, kind)
        assert min(figures.fixed) >= 0.93 and max(figures.fixed) <= 0.97
        assert figures.looked >= 0.95 and max(figures.false) <= 0.05


def test_the_bars_hold_on_what_the_constants_had_not_seen(capsys):
    """But for two: unequal=1.0 at 2 seeds covers 92.4 % in Table 2, and with 34 claims intervals cover up to 98.3 %."""
    for table, kind in OTHER:
        figures, most = simulated(capsys, table, kind), 0.985 if table == "of 34 claims" else 0.975
        assert figures.fixed[0] >= 0.92 and min(figures.fixed[1:]) >= 0.93 and max(figures.fixed) <= most
        assert figures.looked >= 0.95 and max(figures.false) <= 0.05


def test_the_noise_of_the_images_is_covered_too(capsys):
    """All seeds share it. At 2 and 3 seeds of one claim an interval covers more than it says."""
    for table in ("2", "5", "7", "of 1 claim", "of 8 claims"):
        for images in (0.3, 1.0):
            figures = simulated(capsys, table, Kind(images=images))
            assert min(figures.fixed) >= 0.93 and max(figures.fixed) <= (0.99 if table == "of 1 claim" else 0.975)
            assert figures.looked >= 0.95 and max(figures.false) <= 0.05


def test_what_a_noisy_row_costs_that_many_claims_share(capsys):
    """Thrice the noise in one row: the bars do not hold, and this is by how much."""
    for table, kind in SHARED:
        figures = simulated(capsys, table, kind)
        assert figures.fixed[0] >= 0.85 and min(figures.fixed[1:]) >= 0.91
        assert figures.looked >= 0.93 and max(figures.false) <= 0.06


def test_a_verdict_is_where_the_interval_lies():
    low = np.array([0.1, -2.0, -0.5, -2.0, 0.1, -0.4, 0.6, -2.0, -0.6])
    high = np.array([0.2, -0.1, 0.5, 2.0, 3.0, 0.4, 2.0, -0.7, 0.2])
    minor = np.array([False] * 5 + [True] * 4)
    expected = [CONFIRMED, CONTRADICTED, EQUIVALENT, OPEN, CONFIRMED, CONFIRMED, CONTRADICTED, CONTRADICTED, OPEN]
    assert verdicts(low, high, Margins(np.full(9, 0.5), minor)).tolist() == expected


def test_the_level_is_shared_by_claims_and_spent_over_looks():
    once = Looks((5,), fixed=True)
    assert once.level(1, 1) == pytest.approx(7 * once.level(1, 7)) and once.level(1, 1) < LEVEL
    levels = [BY_LOOKS.level(look, 4) for look in range(1, 5)]
    assert max(levels) < once.level(1, 4) < sum(levels)


def test_without_noise_that_is_known_an_interval_is_endless_and_one_seed_takes_the_tables():
    def half(means, variances, seeds, **words):
        return estimates(np.array([means]), np.array([variances]), np.array(seeds), 9.0, **words).half(LEVEL)[0]

    assert half([1.0], [0.0], [1]).tolist() == [np.inf]
    assert np.isinf(half([1.0], [0.0], [1], images=4.0, images_freedom=99.0)).all()
    assert np.isfinite(half([1.0, 2.0, 1.0], [1.0, 1.0, 0.0], [3, 3, 1])).all()
    assert half([1.0], [1.0], [3]) == pytest.approx(4.3027 / 3**0.5, abs=1e-4)  # Student's own
    assert half([2.0, 1.0], [0.0, 0.0], [2, 2]).tolist() == [0, 0]
    both = half([1.0], [1.0], [3], images=0.25, images_freedom=10.0)
    assert both == pytest.approx((4.3027**2 / 3 + 2.2281**2 * 0.25) ** 0.5, abs=1e-4)


def test_claims_count_as_many_as_are_independent():
    assert from_weights(pairs(5)) == pytest.approx(5) and from_weights(np.zeros((2, 3))) == 1
    assert from_weights(np.array([[1, -1], [-1, 1]])) == pytest.approx(1)
    assert from_weights(star(5)) == pytest.approx(2.93, abs=0.01)  # eigenvalues 5, 1, 1, 1 of 8
    g = np.random.default_rng(0)
    own, shared = g.standard_normal((400, 6, 30)), g.standard_normal((400, 1, 30))
    assert np.median(from_seeds(own)) == pytest.approx(6, abs=0.2)
    assert from_seeds(np.repeat(shared, 6, axis=1)) == pytest.approx(np.ones(400))
    assert from_seeds(own[..., :2]).tolist() == [6.0] * 400  # of two seeds nothing is seen

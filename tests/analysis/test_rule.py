"""Simulated with known truth: coverage of the intervals and false verdicts of the rule. The figures are printed."""

import numpy as np
import pytest

from analysis.noise import COUNTED, Pooled, fitted, moderated, pool
from analysis.rule import CONFIRMED, CONTRADICTED, EQUIVALENT, OPEN, Margins, estimates, judged, verdicts
from analysis.stats import LEVEL, fixed_interval, half_width, sequential_interval, sequential_level
from experiments.records.decision_schema import LOOKS

TRIALS, SEEDS = 2000, (2, 3, 4, 5, 7, 10)


def star(rows: int) -> np.ndarray:
    """The first row less each other."""
    return np.hstack([np.ones((rows - 1, 1)), -np.eye(rows - 1)])


TABLES = {  # contrasts (claims, rows)
    "2": np.array([[-1, 0, 1, 0], [0, 0, -1, 1], [-1, 1, 0, 0], [0, -1, 1, 0]]),
    "4": star(5),
    "5": np.kron(np.eye(5), [[-1, 1]]),
    "7": np.kron(np.eye(3), star(5)),
}


def differences(
    contrasts: np.ndarray, seeds: int, unequal: float, noise: float = 1.0, trials: int = TRIALS
) -> np.ndarray:
    """(trials, claims, seeds) of truth 0; unequal: standard deviation of the log of a row's noise."""
    g, rows = np.random.default_rng(7), contrasts.shape[1]
    own = noise / 2**0.5 * np.exp(unequal * g.standard_normal((trials, rows, 1)))
    common = g.standard_normal((trials, 1, seeds))  # of a seed, in all rows
    return contrasts @ (own * g.standard_normal((trials, rows, seeds)) + common)


def test_intervals_of_a_fixed_number_of_seeds_cover_the_truth(capsys):
    for name, contrasts in TABLES.items():
        for unequal in (0.0, 0.3, 0.6):
            covered = [_coverage(differences(contrasts, n, unequal), contrasts) for n in SEEDS]
            with capsys.disabled():
                print(f"\nfixed, table {name}, unequal {unequal}:", *(f"{100 * c:.1f}" for c in covered), end="")
            assert all(0.93 <= c <= 0.97 for c in covered)


def _coverage(d: np.ndarray, contrasts: np.ndarray) -> float:
    variance, freedom = d.var(-1, ddof=1), d.shape[-1] - 1.0
    prior, worth = (x[:, None] for x in fitted(variance, freedom))
    most = COUNTED * np.linalg.matrix_rank(contrasts) * freedom
    variance, total = moderated(variance, freedom, prior, worth, most)
    return float((abs(d.mean(-1)) <= half_width(variance, d.shape[-1], total, LEVEL)).mean())


def looks_of(d: np.ndarray, contrasts: np.ndarray):
    """Number of the look and estimates at it."""
    independent = np.linalg.matrix_rank(contrasts)
    for look, n in enumerate(LOOKS, 1):
        x = d[..., :n]
        yield look, estimates(x.mean(-1), x.var(-1, ddof=1), np.full(len(contrasts), n), independent)


def test_sequential_intervals_cover_the_truth_at_all_looks_together(capsys):
    for name, contrasts in TABLES.items():
        for unequal in (0.0, 0.3, 0.6):
            d = differences(contrasts, LOOKS[-1], unequal)
            inside = [abs(now.mean) <= now.half(sequential_level(look, LOOKS)) for look, now in looks_of(d, contrasts)]
            covered = np.all(inside, axis=0).mean()
            with capsys.disabled():
                print(f"\nsequential, table {name}, unequal {unequal}: {100 * covered:.1f}", end="")
            assert covered >= 0.95


@pytest.mark.parametrize(("noise", "truth"), [(1.0, (0.0,)), (4.0, (0.0,)), (1.0, (0.0, 2.0, 4.0, 8.0)), (1.0, (1.0,))])
def test_false_verdicts_of_a_table_stay_at_5_percent(capsys, noise, truth):
    rates = {}
    for name, contrasts in TABLES.items():
        for unequal in (0.0, 0.6):
            codes, true = _verdicts(contrasts, unequal, noise, truth)
            wrong = ((codes == CONFIRMED) & (true <= 0)) | ((codes == CONTRADICTED) & (true >= 0))
            wrong |= (codes == EQUIVALENT) & (abs(true) >= 1)
            rates[name, unequal] = wrong.any(-1).mean()
    with capsys.disabled():
        print(f"\nfalse verdicts, noise {noise}, truth {truth}: at most {100 * max(rates.values()):.1f} %", end="")
    assert max(rates.values()) <= 0.05, rates


def _verdicts(contrasts: np.ndarray, unequal: float, noise: float, truth: tuple[float, ...]):
    count = len(contrasts)
    true = np.resize(truth, count)
    d = differences(contrasts, LOOKS[-1], unequal, noise) + true[:, None]
    codes, ready = np.full(d.shape[:2], OPEN), np.ones(count, bool)
    for look, now in looks_of(d, contrasts):
        codes, _ = judged(now, ready, codes, Margins(np.ones(count), np.zeros(count, bool)), look, LOOKS)
    return codes, true


def test_a_verdict_is_where_the_interval_lies():
    low = np.array([0.1, -2.0, -0.5, -2.0, 0.1, -0.4, 0.6, -2.0, -0.6])
    high = np.array([0.2, -0.1, 0.5, 2.0, 3.0, 0.4, 2.0, -0.7, 0.2])
    minor = np.array([False] * 5 + [True] * 4)
    expected = [CONFIRMED, CONTRADICTED, EQUIVALENT, OPEN, CONFIRMED, CONFIRMED, CONTRADICTED, CONTRADICTED, OPEN]
    assert verdicts(low, high, Margins(np.full(9, 0.5), minor)).tolist() == expected


def test_the_intervals_of_the_simulation_are_those_of_the_functions():
    d = differences(TABLES["4"], 5, 0.3, trials=1)[0]
    rank = np.linalg.matrix_rank(TABLES["4"])
    pooled = pool(d, rank)
    now = estimates(d.mean(-1)[None], d.var(-1, ddof=1)[None], np.full(4, 5), rank)
    for i, row in enumerate(d):
        interval = sequential_interval(row, 2, LOOKS, pooled)
        half = now.half(sequential_level(2, LOOKS))[0, i]
        assert (interval.mean, interval.high) == pytest.approx((row.mean(), row.mean() + half))
        fixed = fixed_interval(row, pooled)
        assert interval.low < fixed.low < fixed.mean < fixed.high < interval.high
    with pytest.raises(ValueError, match="look 1 is at 3 seeds, not at 5"):
        sequential_interval(d[0], 1, LOOKS, pooled)


def test_without_noise_that_is_known_an_interval_is_endless_and_one_seed_takes_the_tables():
    assert fixed_interval([1.0], Pooled()).high == np.inf
    pooled = pool([[0.0, 1.0, 2.0], [1.0, 3.0, 2.0]])
    assert 1 < fixed_interval([1.0], pooled).high < np.inf
    alone = pool([[0.0, 1.0, 2.0]])
    assert fixed_interval([0.0, 1.0, 2.0], alone).high == pytest.approx(1 + 4.3027 / 3**0.5, abs=1e-4)  # Student's own
    assert fixed_interval([2.0, 2.0], pool([[2.0, 2.0], [1.0, 1.0]])).high == 2

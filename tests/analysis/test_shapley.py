"""Shapley shares: against the definition over all orders, and from records whose right answer is known."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from analysis.sentences import PLUS_MINUS
from analysis.shapley import shapley
from experiments.records.table_schema import Attribution
from tests.synthetic import built, record, result, row, table_of, write_run

NAMES = ("reference", "a", "b", "whole")  # of two parts: bit 0 is `assignment`, bit 1 `style`
TWO = Attribution(
    "whole", "reference", ("assignment", "style"), NAMES, ("score rule",), ("box loss",), "keeps PointLoss"
)


def over_orders(v: np.ndarray, part: int) -> float:
    """The definition: what a part adds when its turn comes, in the mean over all orders."""
    k = len(v).bit_length() - 1
    gains = []
    for order in permutations(range(k)):
        before = sum(1 << other for other in order[: order.index(part)])
        gains.append(v[before | 1 << part] - v[before])
    return float(np.mean(gains))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_share_is_the_mean_over_all_orders_and_the_shares_sum_to_the_whole(k):
    v = np.random.default_rng(k).normal(size=(5, 2**k))
    shares = [shapley(v, part) for part in range(k)]
    for part, share in enumerate(shares):
        assert share == pytest.approx([over_orders(one, part) for one in v])
    assert sum(shares) == pytest.approx(v[:, -1] - v[:, 0])


def test_parts_that_do_nothing_to_each_other_have_what_they_add_alone():
    gains = np.array([3.0, -1.0, 0.5])
    v = np.array([[gains[[s >> j & 1 == 1 for j in range(3)]].sum() for s in range(8)]])
    assert [float(shapley(v, part)[0]) for part in range(3)] == pytest.approx(gains)


def shares(tmp_path, attribution=TWO, **aps):
    """aps: row -> percent, a value a seed; whole number -> all of its runs."""
    rows = []
    for name in attribution.rows:
        runs = {seed: f"{name}{seed}" for seed, ap in enumerate(aps.get(name, ())) if ap is not None}
        for seed, run in runs.items():
            write_run(tmp_path, run, record(seed=seed), result(aps[name][seed] / 100))
        rows.append(row(name, runs))
    table = built(tmp_path, replace(table_of(*rows, number=8), attributions=(attribution,)))
    return table.shares[0], table


def test_shares_from_records_with_their_intervals(tmp_path):
    """a adds 4 alone and 2 as the last: 3 in the mean, at each of three seeds 1 apart; the style 0 and -2: -1."""
    one, table = shares(tmp_path, reference=(20, 21, 22), a=(24, 26, 28), b=(20, 21, 22), whole=(22, 24, 26))
    assignment, style = one.parts
    assert (assignment.mean.value, style.mean.value, one.whole.value) == pytest.approx((4, -1, 3))
    assert assignment.mean.value + style.mean.value == pytest.approx(one.whole.value)
    assert assignment.mean.half == pytest.approx(4.3027 * 1 / 3**0.5, abs=1e-3)  # 3, 4, 5
    assert (assignment.first.value, assignment.last.value, assignment.mean.n) == (pytest.approx(5), pytest.approx(3), 3)
    (block, _) = table.blocks
    assert block.head == (
        "",
        "difference from reference",
        "assignment",
        "style",
        "box loss",
        "score rule",
        block.head[-1],
    )
    assert block.rows == (
        (
            "whole",
            f"+3.0{PLUS_MINUS}2.5",
            f"+4.0{PLUS_MINUS}2.5",
            f"−1.0{PLUS_MINUS}0.0",
            "in assignment",
            "as reference's",
            "PointLoss, box loss",
        ),
    )


def test_the_whole_is_of_the_seeds_that_the_shares_are_of(tmp_path):
    """The fourth seed has no run of b: it does not count, though the two ends have one."""
    one, _ = shares(tmp_path, reference=(20, 21, 99), a=(24, 25, 0), b=(20, 21, None), whole=(22, 23, 0))
    assert (one.whole.value, one.whole.n) == (pytest.approx(2), 2)
    assert sum(share.mean.value for share in one.parts) == pytest.approx(2)


def test_a_method_whose_combinations_are_not_all_run_says_which(tmp_path):
    one, table = shares(tmp_path, reference=(20, 21), a=(24, 25), whole=(22, 23))
    assert (one.whole, one.parts, one.missing) == (None, (), ("b",))
    assert (
        "; 1 of 4 combinations have no run" in table.blocks[0].rows[0][-1] and table.blocks[0].rows[0][1] == "no result"
    )
    apart, table = shares(tmp_path / "x", reference=(20, None), a=(24, 25), b=(1, 2), whole=(None, 23))
    assert apart.missing == () and "no seed has all runs" in table.blocks[0].rows[0][-1]


def test_combinations_and_rows_must_fit():
    with pytest.raises(ValueError, match="3 combinations of 2 parts"):
        replace(TWO, rows=("reference", "a", "b"))
    with pytest.raises(ValueError, match="in the row 'b', which is not there"):
        replace(table_of(row("reference", {}), row("a", {}), row("whole", {})), attributions=(TWO,))

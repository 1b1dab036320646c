"""Verdicts of the report from hand-written AP: those of the rule, with its intervals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from analysis.claim_states import terms_of
from analysis.claim_words import claim_rows
from analysis.rule import SPENT
from experiments.records.table_schema import Claim
from tests.synthetic import built, record, result, row, table_of, write_matches, write_run


def claim(kind="difference", better=("a",), worse=("b",), **changes):
    fields = {"id": "2.x", "dataset": ("coco",), "metric": ("AP",), "published": 2.0, "margin": 1.0, "said": "text"}
    return Claim(kind=kind, better=better, worse=worse, **(fields | changes))


# Alone in its table three seeds m - s, m, m + s have a half-width of 5.20 s / sqrt(3) = 3.0 s.
CASES = [
    ("difference", (1.9, 2.0, 2.1), "confirmed"),
    ("difference", (-2.1, -2.0, -1.9), "contradicted"),
    ("difference", (0.25, 0.3, 0.35), "confirmed"),  # 0.3 +- 0.15: above 0, though inside the margin
    ("difference", (0.1, 0.3, 0.5), "equivalent"),  # 0.3 +- 0.60
    ("difference", (-0.5, -0.3, -0.1), "equivalent"),
    ("difference", (0.2, 0.6, 1.0), "inconclusive"),  # 0.6 +- 1.20
    ("difference", (-3, 2, 7), "inconclusive"),
    ("minor difference", (0.2, 0.3, 0.4), "confirmed"),
    ("minor difference", (-0.4, -0.3, -0.2), "confirmed"),
    ("minor difference", (1.9, 2.0, 2.1), "contradicted"),
    ("minor difference", (-2.1, -2.0, -1.9), "contradicted"),
    ("minor difference", (0.9, 1.0, 1.1), "inconclusive"),
    ("minor difference", (1.1, 1.2, 1.3), "inconclusive"),  # 1.2 +- 0.30
    ("difference", (2.0, 2.0, 2.0), "confirmed"),
    ("difference", (0.0, 0.0, 0.0), "equivalent"),
    ("difference", (2.0,), "inconclusive"),
    ("minor difference", (0.0,), "inconclusive"),
    ("difference", (), "no result"),
]


@pytest.mark.parametrize(("kind", "by_seed", "verdict"), CASES)
def test_the_verdict_of_a_claim_is_where_its_interval_lies(tmp_path, kind, by_seed, verdict):
    table = table_of(*rows(tmp_path, a=[30 + d for d in by_seed], b=[30.0] * len(by_seed)))
    (one,) = judged(tmp_path, table, claim(kind))
    assert one.verdict == verdict
    if len(by_seed) == 3:
        half = student.isf(SPENT * 0.05 / 2, 2) * np.std(by_seed, ddof=1) / 3**0.5
        assert (one.state.low, one.state.high) == pytest.approx((np.mean(by_seed) - half, np.mean(by_seed) + half))


def test_one_family_a_table_whose_intervals_hold_together(tmp_path):
    aps = {"a": (31.4, 32.0, 32.6), "b": (30.0,) * 3, "c": (33, 29, 25)}
    table = table_of(*rows(tmp_path, **aps))
    (alone,) = judged(tmp_path, table, claim())
    four = [claim(), *(claim(id=f"2.{n}", better=("c",), worse=(w,)) for n, w in enumerate("bab"))]
    assert alone.verdict == "confirmed" and judged(tmp_path, table, *four)[0].verdict == "inconclusive"


def test_a_claim_that_is_told_does_not_make_the_next_one_easier(tmp_path):
    """Holm's step would: an interval is as wide whatever the others' verdicts."""
    aps = {"a": (31.4, 32.0, 32.6), "b": (30.0,) * 3, "c": (60, 60.6, 61.2), "d": (32, 31.4, 32.6)}
    table = table_of(*rows(tmp_path, **aps))
    near, sure, other = claim(), claim(id="2.y", better=("c",)), claim(id="2.y", better=("d",))
    halves = [
        j.state.high - j.state.mean for two in ((near, sure), (near, other)) for j in judged(tmp_path, table, *two)
    ]
    assert halves[0] == pytest.approx(halves[1])


def test_an_open_claim_says_the_seeds_that_would_settle_it(tmp_path):
    table = table_of(*rows(tmp_path, a=(30.0, 32.0, 34.0), b=(30.0,) * 3))
    (one,) = judged(tmp_path, table, claim())
    assert one.state.is_open and 5 <= one.state.settled <= 9  # 2 +- t 2 / sqrt(n)
    assert f"about {one.state.settled} seeds in all would settle it" in words(tmp_path, table, claim())[0]
    (never,) = judged(tmp_path, table, claim("minor difference", margin=2.0))
    assert never.state.is_open and never.state.settled is None


def words(tmp_path, table, *claims):
    return [cells[-1] for cells in claim_rows(built(tmp_path, replace(table, claims=claims)))]


def finished(runs, name, aps, **changes):
    for seed, ap in enumerate(aps):
        write_run(runs, f"{name}{seed}", record(seed=seed, **changes), result(ap / 100))
    return {seed: f"{name}{seed}" for seed in range(len(aps))}


def rows(tmp_path, **aps):
    return [row(name, finished(tmp_path, name, values)) for name, values in aps.items()]


def judged(tmp_path, table, *claims):
    return built(tmp_path, replace(table, claims=claims)).claims


def test_a_difference_from_records(tmp_path):
    table = table_of(*rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9)))
    (one,) = judged(tmp_path, table, claim())
    assert (one.verdict, one.state.mean, one.state.seeds) == ("confirmed", pytest.approx(2), 3)
    assert words(tmp_path, table, claim()) == ["+2.0, +1.7 to +2.3 (seeds alone), 3 seeds; " + one.note]
    assert judged(tmp_path, table, claim(better=("b",), worse=("a",)))[0].verdict == "contradicted"


def test_a_difference_of_differences_from_records(tmp_path):
    """(a - b) - ((c - d) + (e - f)) / 2 is 5 - (1 + 2) / 2 at every seed, whatever the seed does to all."""
    seeds = np.array([0, 3, -2.0])
    aps = {"a": 35 + seeds, "b": 30 + seeds, "c": 31 + seeds, "d": 30 + seeds, "e": 32 + seeds, "f": 30.0 + seeds}
    aps["f"] = aps["f"] + [0.1, 0, -0.1]
    pairs = claim("difference of differences", ("a", "b"), ("c", "d", "e", "f"))
    (one,) = judged(tmp_path, table_of(*rows(tmp_path, **aps)), pairs)
    assert (one.verdict, one.state.mean) == ("confirmed", pytest.approx(3.5))
    assert [term.weight for term in terms_of(pairs, "main")] == [1, -1, -0.5, 0.5, -0.5, 0.5]


def test_single_classes_are_judged_on_their_mean(tmp_path):
    """Sample results have 1.2 times the AP in the third class and 1.3 times in the fourth."""
    table = table_of(*rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9)))
    (one,) = judged(tmp_path, table, claim(metric=("class:left", "class:right")))
    assert one.state.mean == pytest.approx(1.25 * 2)
    more = claim("difference of differences", ("a", "b"), ("a", "b"), metric=("class:left",), worse_metric=("AP",))
    assert judged(tmp_path, table, more)[0].state.mean == pytest.approx(0.2 * 2)


def test_the_noise_of_the_images_counts_for_classes_too(tmp_path):
    for name, quality in (("a", 0.6), ("b", 0.4)):
        for seed in range(3):
            folder = write_run(tmp_path, f"{name}{seed}", record(seed=seed))
            ap = write_matches(folder, quality, 60, 10 * seed + (name == "a"))
            folder.write_result(result(ap, {"disc": ap, "ring": ap, "left": ap}))
    table = table_of(*(row(name, {s: f"{name}{s}" for s in range(3)}) for name in "ab"))
    all_three = ("class:disc", "class:ring", "class:left")
    classes, whole = judged(tmp_path, table, claim(metric=all_three), claim(id="3.y"))
    assert classes.state.noise == whole.state.noise == "seeds and images" and classes.note == ""
    assert classes.state.low == pytest.approx(whole.state.low)
    (one,) = judged(tmp_path, table, claim(metric=("class:ring",)))
    assert "the matches of" in one.note  # the AP of one class is not that of all


def test_a_summary_follows_from_its_lines_and_has_no_interval(tmp_path):
    table = table_of(*rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9), c=(20, 21, 22), d=(40, 41, 42.1)))
    lines = [claim(id=f"7.{name}", worse=(name,)) for name in "bcd"]
    total = claim("summary", worse=("b", "c", "d"), margin=None, id="7.all")
    *_, one = judged(tmp_path, table, *lines, total)
    assert (one.verdict, one.state) == ("contradicted", None)
    *_, one = judged(tmp_path, table, *lines[:2], replace(total, worse=("b", "c")))
    assert one.verdict == "confirmed" and "2 of them confirmed" in one.note
    assert judged(tmp_path, table, lines[0], replace(total, worse=("c",)))[1].verdict == "no result"


def test_two_readings_of_a_row_that_differ_are_the_verdict(tmp_path):
    a, b = rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9))
    (other,) = rows(tmp_path, c=(33, 34.1, 35))
    alike = rows(tmp_path, d=(20, 21.1, 22))[0]
    table = table_of(a, b, replace(other, reading_of="b"))
    (one,) = judged(tmp_path, table, claim())
    assert one.verdict == "differs by reading" and one.state.verdict == "confirmed"
    (line,) = words(tmp_path, table, claim())
    assert "+2.0, " in line and "with the other reading of the paper contradicted: −3.0, " in line
    (one,) = judged(tmp_path, table_of(a, b, replace(alike, reading_of="b")), claim())
    assert one.verdict == "confirmed" and one.state.mean == pytest.approx(2)


def test_a_claim_without_runs_says_why(tmp_path):
    a, b = rows(tmp_path, a=(30, 31), b=(20, 21))
    table = table_of(a, b, row("later", {}, reason="not implemented"))
    (one,) = judged(tmp_path, table, claim(worse=("later",)))
    assert (one.verdict, one.note, one.state) == ("no result", "later: not implemented", None)
    (one,) = judged(tmp_path, table, claim(dataset=("voc",)))
    assert (one.verdict, one.note) == ("no result", "no seed in common")


def test_readings_are_told_apart_for_the_claims_that_use_the_row_alone(tmp_path):
    """Both readings are of one family; a claim of other rows has one reading."""
    a, b, c, d = rows(tmp_path, a=(31.0, 32.0, 33.0), b=(30, 30.1, 30), c=(10, 10.1, 10), d=(30.1, 30.0, 30.1))
    both = (claim(), claim(id="2.y", worse=("d",)))
    with_reading = judged(tmp_path, table_of(a, b, replace(c, reading_of="b"), d), *both)
    alone = judged(tmp_path, table_of(a, b, c, d), *both)
    assert with_reading[1].others == () and with_reading[1].verdict == with_reading[1].state.verdict
    for one, other in zip(with_reading, alone, strict=True):
        assert one.state.low < other.state.low  # three intervals share the level, not two


def test_one_seed_has_the_noise_of_its_images_alone(tmp_path):
    for name, quality in (("a", 0.6), ("b", 0.4)):
        folder = write_run(tmp_path, f"{name}0", record())
        folder.write_result(result(write_matches(folder, quality, 60)))
    (one,) = judged(tmp_path, table_of(row("a", {0: "a0"}), row("b", {0: "b0"})), claim())
    assert one.verdict == "inconclusive" and one.state.low < one.state.mean and one.state.settled is None
    assert one.state.noise == "images" and not one.state.is_open
    (line,) = words(tmp_path, table_of(row("a", {0: "a0"}), row("b", {0: "b0"})), claim())
    assert line.endswith(" (images alone), 1 seed")

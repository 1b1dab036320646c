"""Verdicts from hand-written AP whose intervals are known: t of 2 degrees of freedom is 4.303 at 95 %."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.claim_tests import judge, seeds_needed
from analysis.claims import terms_of
from analysis.effects import Effect
from experiments.records.table_schema import Claim
from tests.synthetic import built, record, result, row, table_of, write_matches, write_run


def claim(kind="difference", better=("a",), worse=("b",), **changes):
    fields = {"id": "2.x", "dataset": ("coco",), "metric": ("AP",), "published": 2.0, "margin": 1.0, "said": "text"}
    return Claim(kind=kind, better=better, worse=worse, **(fields | changes))


def effect(*by_seed):
    return Effect(np.array(by_seed, float), None, 0, "", False)


# Half-width of three seeds m - s, m, m + s: 4.303 s / sqrt(3) = 2.484 s.
CASES = [
    ("difference", (1.9, 2.0, 2.1), "confirmed"),
    ("difference", (-2.1, -2.0, -1.9), "contradicted"),
    ("difference", (0.2, 0.3, 0.4), "confirmed"),  # 0.3 +- 0.25: above 0, though inside the margin
    ("difference", (0.1, 0.3, 0.5), "equivalent"),  # 0.3 +- 0.50
    ("difference", (-0.5, -0.3, -0.1), "equivalent"),
    ("difference", (0.2, 0.6, 1.0), "inconclusive"),  # 0.6 +- 0.99
    ("difference", (-3, 2, 7), "inconclusive"),
    ("difference of differences", (1.9, 2.0, 2.1), "confirmed"),
    ("minor difference", (0.2, 0.3, 0.4), "confirmed"),
    ("minor difference", (-0.4, -0.3, -0.2), "confirmed"),
    ("minor difference", (1.9, 2.0, 2.1), "contradicted"),
    ("minor difference", (-2.1, -2.0, -1.9), "contradicted"),
    ("minor difference", (0.9, 1.0, 1.1), "inconclusive"),
    ("minor difference", (1.1, 1.2, 1.3), "inconclusive"),  # 1.2 +- 0.25
    ("difference", (2.0, 2.0, 2.0), "confirmed"),
    ("difference", (0.0, 0.0, 0.0), "equivalent"),
    ("difference", (2.0,), "inconclusive"),
    ("minor difference", (0.0,), "inconclusive"),
    ("difference", (), "no result"),
]


@pytest.mark.parametrize(("kind", "by_seed", "verdict"), CASES)
def test_the_verdict_of_a_claim_alone_is_that_of_its_interval(kind, by_seed, verdict):
    (judged,) = judge([claim(kind)], [effect(*by_seed)])
    assert judged.verdict == verdict


def test_one_family_a_table():
    """p of 2.0 +- 1.49 is 0.029; one of four claims of that p is not beyond noise."""
    near = effect(1.4, 2.0, 2.6)
    assert [j.verdict for j in judge([claim()], [near])] == ["confirmed"]
    judged = judge([claim()] * 4, [near, *(effect(-3, 1, 5),) * 3])
    assert [j.verdict for j in judged] == ["inconclusive"] * 4
    assert judged[0].p == pytest.approx(4 * near.p(0.0))


def test_a_claim_that_is_told_makes_the_next_one_easier():
    sure, near = effect(9.9, 10, 10.1), effect(1.4, 2.0, 2.6)
    assert [j.verdict for j in judge([claim()] * 2, [near, near])] == ["inconclusive"] * 2
    assert [j.verdict for j in judge([claim()] * 2, [sure, near])] == ["confirmed"] * 2


def test_the_seeds_that_would_settle_it():
    """2 +- t sd / sqrt(n) with sd 2: n = 7 gives 1.85, n = 6 gives 2.10; towards the margin it needs the same rule."""
    open_one = effect(0.0, 2.0, 4.0)
    assert seeds_needed(claim(margin=1.0), open_one, 1) == 4
    assert seeds_needed(claim(margin=1.0), effect(-1.0, 0.0, 1.0), 1) == 4  # n = 7: 0.92 < 1
    assert seeds_needed(claim("minor difference", margin=1.0), effect(0.0, 1.0, 2.0), 1) is None  # on the margin
    assert seeds_needed(claim(margin=1.0), open_one, 10) > 4


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
    assert (one.verdict, one.difference.value, one.difference.seeds) == ("confirmed", pytest.approx(2), 3)
    assert one.difference.half == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-3)
    assert judged(tmp_path, table, claim(better=("b",), worse=("a",)))[0].verdict == "contradicted"


def test_a_difference_of_differences_from_records(tmp_path):
    """(a - b) - ((c - d) + (e - f)) / 2 is 5 - (1 + 2) / 2 at every seed, whatever the seed does to all."""
    seeds = np.array([0, 3, -2.0])
    aps = {"a": 35 + seeds, "b": 30 + seeds, "c": 31 + seeds, "d": 30 + seeds, "e": 32 + seeds, "f": 30.0 + seeds}
    aps["f"] = aps["f"] + [0.1, 0, -0.1]
    pairs = claim("difference of differences", ("a", "b"), ("c", "d", "e", "f"))
    (one,) = judged(tmp_path, table_of(*rows(tmp_path, **aps)), pairs)
    assert (one.verdict, one.difference.value) == ("confirmed", pytest.approx(3.5))
    assert [term.weight for term in terms_of(pairs)] == [1, -1, -0.5, 0.5, -0.5, 0.5]


def test_single_classes_are_judged_on_their_mean(tmp_path):
    """Sample results have 1.2 times the AP in the third class and 1.3 times in the fourth."""
    table = table_of(*rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9)))
    (one,) = judged(tmp_path, table, claim(metric=("class:left", "class:right")))
    assert one.difference.value == pytest.approx(1.25 * 2)
    more = claim("difference of differences", ("a", "b"), ("a", "b"), metric=("class:left",), worse_metric=("AP",))
    assert judged(tmp_path, table, more)[0].difference.value == pytest.approx(0.2 * 2)


def test_the_noise_of_the_images_counts_for_classes_too(tmp_path):
    for name, quality in (("a", 0.6), ("b", 0.4)):
        for seed in range(3):
            folder = write_run(tmp_path, f"{name}{seed}", record(seed=seed))
            ap = write_matches(folder, quality, 60, 10 * seed + (name == "a"))
            folder.write_result(result(ap, {"disc": ap, "ring": ap, "left": ap}))
    table = table_of(*(row(name, {s: f"{name}{s}" for s in range(3)}) for name in "ab"))
    all_three = ("class:disc", "class:ring", "class:left")
    classes, whole = judged(tmp_path, table, claim(metric=all_three), claim(id="3.y"))
    assert classes.difference.images == whole.difference.images == 60 and classes.note == ""
    assert classes.difference.half == pytest.approx(whole.difference.half)
    (one,) = judged(tmp_path, table, claim(metric=("class:ring",)))
    assert "the matches of" in one.note  # the AP of one class is not that of all


def test_a_summary_follows_from_its_lines_and_has_no_p(tmp_path):
    table = table_of(*rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9), c=(20, 21, 22), d=(40, 41, 42.1)))
    lines = [claim(id=f"7.{name}", worse=(name,)) for name in "bcd"]
    total = claim("summary", worse=("b", "c", "d"), margin=None, id="7.all")
    *_, one = judged(tmp_path, table, *lines, total)
    assert (one.verdict, one.p, one.difference) == ("contradicted", None, None)
    *_, one = judged(tmp_path, table, *lines[:2], replace(total, worse=("b", "c")))
    assert one.verdict == "confirmed" and "2 of them confirmed" in one.note
    assert judged(tmp_path, table, lines[0], replace(total, worse=("c",)))[1].verdict == "no result"


def test_two_readings_of_a_row_that_differ_are_the_verdict(tmp_path):
    a, b = rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9))
    (other,) = rows(tmp_path, c=(33, 34.1, 35))
    alike = rows(tmp_path, d=(20, 21.1, 22))[0]
    table = table_of(a, b, replace(other, reading_of="b"))
    (one,) = judged(tmp_path, table, claim())
    assert one.verdict == "differs by reading" and "contradicted" in one.note
    (one,) = judged(tmp_path, table_of(a, b, replace(alike, reading_of="b")), claim())
    assert one.verdict == "confirmed" and one.difference.value == pytest.approx(2)


def test_a_claim_without_runs_says_why(tmp_path):
    a, b = rows(tmp_path, a=(30, 31), b=(20, 21))
    table = table_of(a, b, row("later", {}, reason="not implemented"))
    (one,) = judged(tmp_path, table, claim(worse=("later",)))
    assert (one.verdict, one.note, one.is_open) == ("no result", "later: not implemented", False)
    (one,) = judged(tmp_path, table, claim(dataset=("voc",)))
    assert (one.verdict, one.note) == ("no result", "no seed in common")


def test_one_seed_has_the_noise_of_its_images_alone(tmp_path):
    for name, quality in (("a", 0.6), ("b", 0.4)):
        folder = write_run(tmp_path, f"{name}0", record())
        folder.write_result(result(write_matches(folder, quality, 60)))
    (one,) = judged(tmp_path, table_of(row("a", {0: "a0"}), row("b", {0: "b0"})), claim())
    assert one.verdict == "inconclusive" and one.difference.half > 0 and (one.p, one.more_seeds) == (None, None)
    assert one.note == "one seed: the noise of its training is not known" and not one.is_open

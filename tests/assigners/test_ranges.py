"""What a limit takes, and how it reads."""

from math import inf, nan

import pytest

from assigners.ranges import Items, Range, Text


@pytest.mark.parametrize(
    ("limit", "words", "taken", "refused"),
    [
        (Range(1, 9, "images"), "1 to 9 (images)", (1, 9), (0, 10)),
        (Range(0, 1, "IoU", "(]"), "above 0, at most 1 (IoU)", (1e-9, 1), (0, 1.1)),
        (Range(0, 1, "score", "[)"), "0 or more, below 1 (score)", (0, 0.9), (-0.1, 1)),
        (Range(0, 1, "share", "()"), "above 0, below 1 (share)", (0.1,), (0, 1)),
        (Range(0, inf, "pixels"), "0 or more (pixels)", (0, 1e300), (-1e-9,)),
        (Range(0, inf, "pixels", "()"), "above 0 (pixels)", (1e-300,), (0,)),
        (Range(32, 64, "pixels", zero="as long"), "32 to 64, or 0 for as long (pixels)", (0, 32), (-1, 1, 31, 65)),
        (Items(least=1), "1 or more of them", ((1,), (2, 1)), ((),)),
        (Items(rising=True), "each above the one before", ((), (1, 2)), ((1, 1), (2, 1))),
        (Items(distinct=True), "none twice", ((), ("a", "b")), (("a", "b", "a"),)),
        (Text(), "not empty", ("a",), ("", " ")),
    ],
)
def test_a_limit_takes_what_it_says(limit, words, taken, refused):
    assert str(limit) == words
    assert [value for value in taken if not limit.holds(value)] == []
    assert [value for value in refused if limit.holds(value)] == []


@pytest.mark.parametrize("value", [nan, inf, -inf, 10**400])
def test_a_number_without_an_end_is_in_no_range(value):
    assert not Range(-inf, inf, "pixels").holds(value)

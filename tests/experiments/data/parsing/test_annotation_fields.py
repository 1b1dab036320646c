"""The range of a field, and boxes that are shares."""

import numpy as np
import pytest

from experiments.data.parsing.annotation_fields import Field, looks_normalised, normalised
from experiments.runtime.errors import UserError

SIDE = Field("width", 1, 100, "pixels", whole=True)
FLAG = Field("difficult", 0, 1, whole=True, default=0, words=(("false", 0), ("true", 1)))


@pytest.mark.parametrize("text", ["0", "101", "1.5", "nan", "inf", "", " ", "1_0", "٣", "12,5", "wide", None, "1e999"])
def test_a_value_out_of_its_range_is_named_with_it(text):
    with pytest.raises(UserError) as error:
        SIDE.read(text, "a.xml")
    assert str(error.value).startswith("a.xml: width is ") and "a whole number from 1 to 100 pixels" in str(error.value)


def test_values_in_range_are_read():
    assert [SIDE.read(text, "") for text in ("1", " 100 ", "1e2", "+7.0")] == [1, 100, 100, 7]
    assert [FLAG.read(text, "") for text in (None, "0", "1", "True", "FALSE")] == [0, 0, 1, 1, 0]
    with pytest.raises(UserError, match="'maybe'; it must be a whole number from 0 to 1, or false, or true"):
        FLAG.read("maybe", "")
    assert Field("x", 0, 1, tolerance=1e-6).read("1.0000001", "") > 1


@pytest.mark.parametrize(
    ("boxes", "right"),
    [
        ([[0.1, 0.2, 0.5, 1.0]], True),
        ([[0, 0, 1, 1]], True),
        ([[0.1, 0.2, 0.5, 1.5]], False),
        ([[0, 0, 0, 0], [1, 1, 1, 1]], False),
        ([[0.1, 0.2, 0.5, 0.6], [1, 2, 30, 40]], False),
        (np.zeros((0, 4)), False),
    ],
)
def test_shares_are_told_from_pixels(boxes, right):
    assert looks_normalised(np.array(boxes), np.array([[64, 96]])) is right
    assert not looks_normalised(np.array(boxes), np.array([[1, 1]]))
    assert "look normalised" in str(normalised("a.xml"))

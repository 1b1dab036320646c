"""The range of a field."""

import pytest

from experiments.data.parsing.annotation_fields import Field
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

"""Boxes that are fractions of their image are told from pixels."""

import numpy as np
import pytest

from experiments.data.parsing.normalised import check_pixels, in_unit_square
from experiments.runtime.errors import UserError


@pytest.mark.parametrize(
    ("boxes", "fractions"),
    [
        ([[0.1, 0.2, 0.5, 1.0]], 1),
        ([[0, 0, 1, 1]], 1),
        ([[0.1, 0.2, 0.5, 1.5]], 0),
        ([[0, 0, 0, 0], [1, 1, 1, 1]], 0),
        ([[0.1, 0.2, 0.5, 0.6], [1, 2, 30, 40]], 1),
        (np.zeros((0, 4)), 0),
    ],
)
def test_fractions_are_told_from_pixels(boxes, fractions):
    assert in_unit_square(np.array(boxes)).sum() == fractions


def test_more_than_half_of_a_file_look_normalised():
    check_pixels(0, 0, "a.json")
    check_pixels(5, 10, "a.json")
    with pytest.raises(UserError, match="6 of 10 boxes lie within 0 to 1, so they look normalised"):
        check_pixels(6, 10, "a.json")

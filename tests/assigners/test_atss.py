"""ATSS's oracle by hand; that the method equals it is in test_oracles.py."""

from tests.oracles import atss
from tests.oracles.scenes import two_by_two


def test_the_oracle_takes_the_candidates_nearest_first():
    assert atss.candidates(two_by_two(), [7.0, 0.0, 8.0, 1.0]) == [1, 0, 3, 2]

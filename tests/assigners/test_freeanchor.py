"""FreeAnchor's oracle by hand; that the method equals it is in test_oracles.py."""

import torch

from tests.oracles import freeanchor
from tests.oracles.scenes import two_by_two


def test_the_oracle_puts_every_anchor_that_overlaps_into_the_bag_best_first():
    assert freeanchor.bag(two_by_two(), torch.tensor([-4.0, -8.0, 12.0, 8.0])) == [0, 1, 2, 3]

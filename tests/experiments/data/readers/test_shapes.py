"""The synthetic datasets."""

import numpy as np
import pytest
import torch

from experiments.data.readers import shapes


def test_synthetic_images_depend_on_their_position_alone():
    few, many = (shapes.read("shapes", "train", n) for n in (3, 30))
    assert torch.equal(few.read(2), many.read(2)) and np.array_equal(few.of(2)[0], many.of(2)[0])
    assert few.digest() != shapes.read("shapes", "val", 3).digest()


@pytest.mark.parametrize(("name", "median"), [("shapes", 5), ("shapes-voc", 2), ("shapes-widerface", 3)])
def test_synthetic_datasets_have_the_counts_of_what_they_imitate(name, median):
    counts = np.diff(shapes.read(name, "train", 300).offsets)
    assert np.median(counts) == median and counts.min() >= 1

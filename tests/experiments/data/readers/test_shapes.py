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


def test_true_offsets_are_those_of_what_is_painted():
    index = shapes.read("shapes", "train", 1)
    truth = dict(zip(index.classes, index.true_offsets, strict=True))
    assert truth["left"] == pytest.approx((-0.306, 0), abs=0.003) and truth["left"][1] == 0
    assert truth["flag"] == pytest.approx((-0.306, -0.067), abs=0.003)  # its stem lies on the top edge
    assert (
        truth["right"] == pytest.approx((-truth["left"][0], 0), abs=1e-6)
        and truth["bottom"][1] == pytest.approx(-truth["top"][1])
        and truth["bottom"][1] > 0.3
    )
    centred = ("disc", "square", "ring", "cross", "diamond")
    assert {truth[name] for name in centred} == {(0.0, 0.0)}


def test_the_drawings_of_shapes_have_not_changed():
    assert shapes.read("shapes", "train", 20).digest() == "dafc6402fec9452b"

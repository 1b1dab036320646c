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


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("shapes-voc", "0dbb8ef4aef8b68f"),
        ("shapes-objects365", "c5f03317893def48"),
        ("shapes-widerface", "7f75421158b09b8f"),
        ("shapes-priors", "df3e1fbf88b26a79"),
    ],
)
def test_nor_have_those_of_its_twins(name, digest):
    assert shapes.read(name, "train", 20).digest() == digest


def test_true_spreads_are_those_of_what_is_painted():
    index = shapes.read("shapes-priors", "train", 1)
    truth = dict(zip(index.classes, index.true_spreads, strict=True))
    assert truth["square"] == pytest.approx((12**-0.5, 12**-0.5), abs=1e-6)
    assert truth["disc"] == pytest.approx((0.25, 0.25), abs=0.002)
    for along_x, along_y in (("plank", "post"), ("gate", "stack")):
        assert truth[along_x] == truth[along_y][::-1] and truth[along_x][0] > 1.3 * truth[along_x][1]
    assert {index.true_offsets[index.classes.index(name)] for name in shapes.ELONGATED} == {(0.0, 0.0)}


def test_elongated_classes_are_drawn_as_wide_and_tall_as_their_box():
    index = shapes.read("shapes-priors", "train", 40)
    images = np.repeat(np.arange(len(index)), np.diff(index.offsets))
    for i, (x1, y1, x2, y2) in zip(images, index.boxes.astype(int).tolist(), strict=True):
        assert min(x2 - x1, y2 - y1) >= 19 and max(x2 - x1, y2 - y1) <= 52
        assert index.read(i)[:, y1:y2, x1:x2].shape == (3, y2 - y1, x2 - x1)
    for name in shapes.ELONGATED:
        mask = shapes._mask(name, 31, 24)
        assert mask.shape == (24, 31) and mask.any(0).all() and mask.any(1).all()


def test_all_boxes_of_the_set_for_priors_are_of_one_size():
    sides = np.diff(shapes.read("shapes-priors", "train", 200).boxes.reshape(-1, 2, 2), axis=1)
    assert np.exp(np.log(sides).std()) < 1.25 and sides.mean() == pytest.approx(32, abs=1)  # four strides of P3

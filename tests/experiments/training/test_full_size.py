"""The paper's runs at full size on the real samples: all are recipes, and one trains; `make soak` has all of them."""

import math
from itertools import pairwise

import pytest

from experiments.grid.entries import DatasetFinder
from tests.samples import real
from tests.soak.full_size import distinct, passed, samples

TABLES = [1, 2, 3, 4, 5, 6, 7]


@pytest.fixture
def finder(tmp_path) -> DatasetFinder:
    return DatasetFinder(samples(tmp_path))


@real
def test_each_row_of_each_table_is_a_recipe_for_data_that_are_there(finder):
    entries = list(distinct(TABLES, finder))
    assert {entry.dataset for entry in entries} == {"coco", "coco-2x", "voc", "objects365", "widerface"}
    assert all(a.id != b.id and max(a.recipe.data.short) >= 480 for a, b in pairwise(entries))
    assert {entry.classes for entry in entries if entry.dataset == "objects365"} == {365}


@real
def test_one_of_them_takes_a_step_and_evaluates_an_image_at_full_size(finder):
    """About 15 s: ResNet-50 at 800 px on one thread."""
    entry = next(e for e in distinct([7], finder) if (e.dataset, e.row.method) == ("voc", "fcos"))
    result = passed(entry, finder)
    assert result.detections > 0 and math.isfinite(result.step_seconds) and result.peak > 2**30

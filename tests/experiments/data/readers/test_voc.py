"""The VOC layout: the real samples, and one sentence for a damaged file."""

import numpy as np
import pytest
import torch

from experiments.data.readers import voc
from experiments.runtime.errors import UserError
from tests.samples import REAL, XML, real, write_voc


@real
def test_the_sample_has_the_counts_of_its_readme():
    root = REAL / "voc_format" / "voc2012_100"
    assert [voc.resolve(root, f"auto:{name}") for name in ("train", "val")] == ["2012_train", "2012_val"]
    splits = [voc.read(root, split, ()) for split in ("2012_train", "2012_val")]
    assert [len(index) for index in splits] == [67, 33]
    assert sum(len(index.boxes) for index in splits) == 273
    assert sum(int(index.ignore.sum()) for index in splits) == 38
    assert all(set(index.labels) == set(range(20)) and not any(index.counters.values()) for index in splits)
    assert splits[0].read(0).dtype == torch.uint8


@real
def test_the_blood_cells_have_the_counts_of_their_readme():
    root = REAL / "voc_format" / "bccd"
    splits = [voc.read(root, split, ("RBC", "WBC", "Platelets")) for split in ("train", "val", "test")]
    assert [len(index) for index in splits] == [205, 87, 72]
    assert np.bincount(np.concatenate([index.labels for index in splits])).tolist() == [4155 - 2, 372, 361]
    assert sum(index.counters["no_area"] for index in splits) == 2


def test_every_annotation_and_the_lists_are_watched(tmp_path):
    write_voc(tmp_path, XML.format("", "cat", 30))
    names = {path.name for path in voc.sources(tmp_path, "train")}
    assert names == {"train.txt", "JPEGImages", "a.xml"}


BOMB = '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (XML.format("", "kat", 30), "Did you mean 'cat'"),
        (XML.format("", "cat", "wide"), "bndbox/xmax is 'wide'"),
        (XML.format("", "cat", "1e999"), "must be a number of at most"),
        (XML.format("", "cat", "1e308"), "must be a number of at most"),
        (BOMB + XML.format("", "cat", 30), "entities and DTDs are not read"),
        (XML.format("", "cat", 30)[:-20], "not a whole XML file"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, sentence):
    write_voc(tmp_path, text)
    with pytest.raises(UserError, match=sentence) as error:
        voc.read(tmp_path, "train", ("cat",))
    assert "a.xml" in str(error.value)

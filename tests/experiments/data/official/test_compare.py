"""What is on disk against what the publisher offers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.data.official import compare
from experiments.data.official.sources import SOURCES
from experiments.data.parsing.clean import Record, build_index
from experiments.runtime.errors import UserError


@pytest.mark.parametrize("name", ["widerface", "objects365"])
def test_datasets_that_only_a_person_may_fetch_name_page_licence_and_layout(name):
    source = SOURCES[name]
    with pytest.raises(UserError) as error:
        compare.check_fetchable(name, source, Path("."))
    assert all(text in str(error.value) for text in (source.page, source.licence, source.layout))


def test_classes_that_cannot_be_matched_are_broken_and_others_a_remark():
    def index(name: str):
        return build_index("own", (name, "dog"), [Record("a.jpg", 1, 90, 90, [(1, 2, 30, 40)], [0], [False])])

    cat, owl = index("cat"), index("owl")
    assert compare.classes([cat, cat]) == compare.classes([cat]) == []
    assert [f.kind for f in compare.classes([cat, owl])] == ["broken"]
    assert "Classes of train: cat, dog. Classes of val: owl, dog." in compare.classes([cat, owl])[0].text
    turned = replace(cat, classes=("dog", "cat"), labels=np.array([1]))
    assert compare.classes([cat, turned]) == [compare.Finding("ok", "classes of train and val are matched by name")]

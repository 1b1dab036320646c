"""A text as the annotations of a dataset."""

from collections.abc import Callable

import pytest

from experiments.data.index import Index
from experiments.data.readers import coco
from tests.samples import write_coco


@pytest.fixture
def read_text(tmp_path) -> Callable[..., Index]:
    """The index of a dataset in the COCO layout that has this JSON; of these classes, or of all."""

    def call(text: str, *classes: str) -> Index:
        write_coco(tmp_path, text)
        return coco.read(tmp_path, "train2017", classes)

    return call

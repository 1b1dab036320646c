"""What is on disk against what the publisher offers."""

from pathlib import Path

import pytest

from experiments.data.official import compare
from experiments.data.official.sources import SOURCES
from experiments.runtime.errors import UserError


@pytest.mark.parametrize("name", ["widerface", "objects365"])
def test_datasets_that_only_a_person_may_fetch_name_page_licence_and_layout(name):
    source = SOURCES[name]
    with pytest.raises(UserError) as error:
        compare.check_fetchable(name, source, Path("."))
    assert all(text in str(error.value) for text in (source.page, source.licence, source.layout))

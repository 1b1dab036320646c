"""SETTINGS.md is what the fields say."""

from experiments.recipes.settings_page import page
from experiments.runtime.commit import ROOT


def test_the_page_of_all_settings_is_that_of_the_fields():
    written = (ROOT / "SETTINGS.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m experiments.recipes.settings_page > SETTINGS.md"
    assert "| `optimizer.momentum` | number | 0 or more, below 1 | share kept | `0.9` | of sgd |" in written

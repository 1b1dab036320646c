"""A table says what recipe the weights of each row were trained with, and that rows mix several."""

from dataclasses import replace

import pytest

from analysis.sentences import details
from analysis.to_html import _table as html_of
from analysis.to_markdown import table_markdown
from analysis.weights import mixed
from tests.synthetic import built, record, result, row, table_of, write_run

OLD, NEW = (f"torchvision IMAGENET1K_V1, the {words} training recipe" for words in ("old", "new long"))
TITLE = "Weights that the rows start from"


def table(runs, **weights):
    """A row of each name, whose runs are of another backbone than the first one's: outside of its certificate."""
    ids = {}
    for rank, (name, recipe) in enumerate(weights.items()):
        backbone = "resnet50" if rank else "resnext101_64x4d"
        write_run(runs, name, replace(record(model__backbone=backbone), weights=recipe), result(0.2))
        ids[name] = {0: name}
    rows = [row(name, runs_, differs="model.backbone=resnet50 model.weights=own.pth") for name, runs_ in ids.items()]
    return built(runs, table_of(*rows))


def test_each_row_has_its_recipe_whether_or_not_a_certificate_holds_it(tmp_path):
    page = table(tmp_path, a=NEW, b=OLD, c=OLD)
    assert [(w.recipe, w.rows) for w in page.weights] == [(NEW, ("a",)), (OLD, ("b", "c"))]
    assert [c.rows for c in page.certificates] == [("b", "c")]
    assert dict(details(page))[TITLE] == [f"{NEW} (a)", f"{OLD} (b, c)"]


@pytest.mark.parametrize("write", [html_of, table_markdown])
def test_a_table_that_mixes_recipes_says_so_and_no_other(tmp_path, write):
    page = table(tmp_path / "mixed", a=NEW, b=OLD)
    (sentence,) = mixed(page)
    assert sentence == f"The rows mix weights of 2 recipes: {NEW} (a); {OLD} (b)."
    assert "The rows mix weights of 2 recipes" in write(page)
    page = table(tmp_path / "one", a=OLD, b=OLD)
    assert mixed(page) == [] and dict(details(page))[TITLE] == [f"{OLD} (a, b)"] and "The rows mix" not in write(page)


def test_two_files_are_two_recipes(tmp_path):
    page = table(tmp_path, a="file r50.pth, sha256 aa", b="file r50.pth, sha256 bb")
    assert len(page.weights) == 2


def test_runs_of_before_are_named_where_others_say_it(tmp_path):
    assert table(tmp_path / "old", a="", b="").weights == ()
    assert TITLE not in dict(details(table(tmp_path / "old", a="", b="")))
    assert [w.recipe for w in table(tmp_path / "both", a="", b="none").weights] == ["not recorded", "none"]

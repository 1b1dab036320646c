"""Claims of the matrices: the paper's own, and what is wrong with one, in a sentence."""

import csv

import pytest

from experiments.grid.claims import read_claims, vocabulary
from experiments.grid.matrices import load_matrix, load_profile, table_numbers
from experiments.runtime.commit import ROOT
from experiments.runtime.errors import UserError

PAPER = ROOT.parent / "shared" / "paper" / "claims.csv"
WORDS = vocabulary("table9.yaml", ["a", "b", "c"], {"AP": "AP", "bear": "class:top"}, ["voc", "coco"])
GOOD = {"id": "9.x", "kind": "difference", "better": "a", "worse": "b", "dataset": "voc", "published": 2, "margin": 1}


@pytest.mark.skipif(not PAPER.is_file(), reason="../shared/paper/claims.csv is not here")
def test_the_claims_are_those_of_the_paper_in_its_order():
    with PAPER.open() as file:
        lines = [(n["id"], n["kind"], float(n["published"]), n["margin"]) for n in csv.DictReader(file)]
    claims = [claim for table in range(1, 8) for claim in load_matrix(table, load_profile("full")).claims]
    assert [(c.id, c.kind, c.published, str(c.margin or "")) for c in claims] == lines
    assert len(claims) == 54


@pytest.mark.parametrize("table", table_numbers())
def test_what_the_paper_says_of_a_difference_is_what_its_figures_have(table):
    """All but two: it rounds a mean of three classes, and 6.X101-64x4d-DCN.sapd is of the figures it prints."""
    matrix = load_matrix(table, load_profile("full"))
    paper = {row.name: row.paper for row in matrix.rows}
    keys = {name: key for key, name in matrix.datasets.items()}
    for claim in (c for c in matrix.claims if c.kind in ("difference", "minor difference")):
        key = keys[claim.dataset[0]]
        columns = [c.name for c in matrix.columns if c.entry == key and c.metric in claim.metric]
        difference = sum(paper[claim.better[0]][c] - paper[claim.worse[0]][c] for c in columns) / len(columns)
        assert claim.published == pytest.approx(difference, abs=0.051), claim.id


def test_a_class_is_the_one_that_stands_for_it():
    claims = {claim.id: claim for claim in load_matrix(3, load_profile("cpu")).claims}
    assert claims["3.unusual"].metric == ("class:top", "class:bottom", "class:flag")
    assert claims["3.unusual-more"].worse_metric == ("AP",)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"better": "A"}, "Unknown row in table9.yaml: claim 9.x: 'A'."),
        ({"worse": "AutoAssign"}, "Known: a, b, c."),
        ({"dataset": "vog"}, "Unknown dataset in table9.yaml: claim 9.x: 'vog'. Did you mean 'voc'?"),
        ({"dataset": []}, "table9.yaml: claim 9.x needs one dataset of voc, coco."),
        ({"metric": ["AP", "beer"]}, "Unknown metric in table9.yaml: claim 9.x: 'beer'. Did you mean 'bear'?"),
        ({"kind": "diference"}, "Did you mean 'difference'?"),
        ({"margin": 0}, "above 0"),
        ({"margin": 101}, "at most 100"),
        ({"margin": "one"}, "table9.yaml: claim 9.x.margin is 'one'; it must be a number"),
        ({"margin": float("nan")}, "margin is nan"),
        ({"margin": None}, "margin is None"),
        ({"published": 101}, "-100 to 100"),
        ({"worse": "a"}, "compares the row a with itself"),
        ({"worse": ["b", "c"]}, "compares single rows, got 1 and 2"),
        ({"better": []}, "better is []"),
        ({"id": 9.1}, "id is 9.1; it must be a text"),
        ({"beter": "a"}, "Did you mean 'better'?"),
        ({"kind": "difference of differences"}, "needs pairs of rows in better and worse, got 1 and 1 rows"),
        ({"kind": "summary"}, "takes no margin"),
    ],
)
def test_a_wrong_claim_gets_one_sentence(changes, sentence):
    assert len(read_claims([GOOD], WORDS)) == 1
    with pytest.raises(UserError) as error:
        read_claims([GOOD | changes], WORDS)
    assert sentence in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("values", [3, {"id": "9.x"}, "text"])
def test_claims_are_a_list(values):
    with pytest.raises(UserError, match="claims must be a list"):
        read_claims(values, WORDS)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([GOOD, GOOD], "two claims have the id 9.x"),
        ([3], "claim 3 must be a list of keys and values"),
        ([{k: v for k, v in GOOD.items() if k != "margin"}], "needs a margin"),
        ([{k: v for k, v in GOOD.items() if k != "published"}], "lacks published"),
    ],
)
def test_a_list_of_claims_is_checked_too(values, sentence):
    with pytest.raises(UserError, match=sentence):
        read_claims(values, WORDS)

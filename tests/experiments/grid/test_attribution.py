"""Table 8: every combination of swapped parts is a run of its own, and its ends are other tables' rows."""

from dataclasses import replace

import pytest

import assigners
from detector.config import PARTS, REFERENCE
from detector.controlled import head_spec
from experiments.grid.attribution import read_attributions
from experiments.grid.entries import DatasetFinder, entries_of
from experiments.grid.heads import CONTROLLED, matrices_under, under_head
from experiments.grid.matrices import load_matrix, load_profile
from experiments.recipes.load import load
from experiments.recipes.recipe import Recipe
from experiments.runtime.errors import UserError

CPU = replace(load_profile("cpu"), methods={})  # settings of its own would make each native run another one
SMALL = ["data.train_images=16", "data.val_images=4"]
STYLE, SCORE = {"name": "style", "style": ["norm", "bias"]}, {"name": "score", "style": ["score"]}
ATSS = {"name": "ATSS", "method": "atss", "parts": [STYLE, SCORE]}
MATRIX = load_matrix(8, CPU)
WHOLE = {item.method: item for item in MATRIX.attributions}


@pytest.fixture(scope="module")
def ids() -> dict[tuple[int, str], dict[str, str]]:
    """Row -> id, of each table and head that the command of the README makes, of seed 0 and the first dataset."""
    finder, ids = DatasetFinder(None), {}
    for matrix in matrices_under((1, 5, 7, 8), ("native", *CONTROLLED), CPU):
        entries = list(entries_of(matrix, CPU, [0], SMALL, finder))
        assert not [entry.reason for entry in entries if entry.reason and not entry.row.reason]
        ids[matrix.table, matrix.head] = {f"{e.row.name}{e.key.removeprefix('main')}": e.id for e in entries if e.id}
    return ids


def recipe(row) -> Recipe:
    return load("shapes", row.method, list(row.set), 0)


def test_a_cell_that_two_modes_or_tables_share_is_trained_once(ids):
    """105 runs a seed in the place of 141; table 8 has 34 that no other table has."""
    tables = [(t, head) for t in (1, 5, 7) for head in ("native", *CONTROLLED)]
    assert list(ids) == [*tables, (8, "native")]
    others = {name for table in tables for name in ids[table].values()}
    assert sum(map(len, ids.values())) == 141 and len(others | set(ids[8, "native"].values())) == 105
    assert len(set(ids[8, "native"].values()) - others) == 34
    assert ids[1, "autoassign"]["AutoAssign"] == ids[1, "native"]["AutoAssign"]
    assert ids[1, "fcos"]["FCOS*"] == ids[1, "native"]["FCOS*"] == ids[8, "native"]["FCOS*"]


def test_the_ends_of_each_method_are_rows_of_table_1(ids):
    """All parts are the native method; the assignment alone is its row with FCOS*'s head, ATSS's but for the weight."""
    native, fcos, rows = ids[1, "native"], ids[1, "fcos"], ids[8, "native"]
    for name, item in WHOLE.items():
        assert rows[item.rows[0]] == native["FCOS*"] and rows[item.rows[-1]] == native[name]
        weight = 1 << item.parts.index("box loss") if name == "ATSS" else 0
        assert rows[item.rows[1 | weight]] == fcos[name]
        assert len({rows[row] for row in item.rows}) == 2 ** len(item.parts)  # each part changes something
    assert rows[WHOLE["AutoAssign"].rows[6]] == ids[1, "autoassign"]["FCOS*"]  # all but the assignment


def test_what_is_called_the_same_is_the_same():
    atss, fcos = (assigners.build(name, 1).head.style for name in ("atss", REFERENCE))
    assert WHOLE["ATSS"].same == ("score rule",) and (atss.score, atss.nms_iou) == (fcos.score, fcos.nms_iou)


def test_the_parts_are_those_of_the_issue_and_no_part_of_a_style_is_left_out():
    every = {"assignment", "head style", "box loss", "score rule"}
    assert all({*item.parts, *item.kept, *item.same} == every for item in WHOLE.values())
    full = recipe(next(r for r in MATRIX.rows if r.name == WHOLE["RetinaNet"].rows[1]))
    assert set(full.model.parts) == set(PARTS) and full.model.reference == REFERENCE


def test_two_rows_that_differ_in_one_part_differ_in_its_fields_alone():
    """Bit by bit: the assignment with its settings, the style with its fields, the box loss with the loss's."""
    rows = {row.name: recipe(row) for row in MATRIX.rows}
    fields = {"head style": {"norm", "offset", "p6_from", "prior_prob", "box_bias"}, "score rule": {"score", "nms_iou"}}
    for item in WHOLE.values():
        for i, name in enumerate(item.rows):
            for j, part in enumerate(item.parts[1:], 1):
                a, b = rows[name], rows[item.rows[i ^ 1 << j]]
                assert a.assigner == b.assigner
                settings = {
                    k.rpartition(".")[2] for (k, v), (_, w) in zip(a.settings, b.settings, strict=True) if v != w
                }
                assert settings <= ({"box_kind", "box_beta", "box_weight"} if part == "box loss" else set())
                assert bool(settings) == (part == "box loss")
                x, y = (vars(head_spec(assigners.build(r.assigner, 1), r.model).style) for r in (a, b))
                assert {k for k in x if x[k] != y[k]} <= fields.get(part, set())


def test_table_8_says_itself_whose_head_it_has_and_no_method_is_tuned_for_itself():
    assert not MATRIX.tuned
    assert under_head(MATRIX, "autoassign") == MATRIX
    assert [m.head for m in matrices_under((8,), ("fcos", "autoassign"), CPU)] == ["native"]
    assert MATRIX.attributions[0].reference == CONTROLLED[REFERENCE]


def test_rows_of_a_made_up_method():
    rows, (item,) = read_attributions({"reference": "FCOS*", "methods": [ATSS]}, "t.yaml")
    assert item.rows[:4] == (
        "FCOS*", "ATSS with FCOS*'s style, score", "FCOS* with ATSS's style", "ATSS with FCOS*'s score"
    )  # fmt: skip
    by_name = {row.name: row for row in rows}
    assert by_name["ATSS"].set == () and by_name["FCOS*"].set == () and len(rows) == 8
    words = ("model.mode=controlled", "model.reference=atss", "model.parts=[norm,bias]")
    assert (by_name["FCOS* with ATSS's style"].method, by_name["FCOS* with ATSS's style"].set) == ("fcos", words)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": "atts"}, "Did you mean 'atss'?"),
        ({"same": ["score"]}, "ATSS has the part score twice"),
        ({"parts": [STYLE, STYLE]}, "ATSS has the part style twice"),
        ({"parts": [{"name": "loss", "of_method": ["a=1"]}]}, "the part loss needs a style, or of_method and"),
        ({"parts": [{"name": "x", "style": ["norn"]}]}, "Did you mean 'norm'?"),
        ({"parts": "norm"}, "t.yaml: a method needs a list of parts"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(changes, sentence):
    with pytest.raises(UserError) as caught:
        read_attributions({"reference": "FCOS*", "methods": [ATSS | changes]}, "t.yaml")
    assert sentence in str(caught.value)
    with pytest.raises(UserError, match="needs a list of methods"):
        read_attributions(["ATSS"], "t.yaml")

"""A search comes out even: the same rounds for every method, on seeds that no table takes."""

from dataclasses import replace

import pytest

from experiments.grid.changes import search_recipe, table_recipe
from experiments.grid.entries import DatasetFinder, entries_of
from experiments.grid.heads import under_head
from experiments.grid.matrices import load_matrix, load_profile
from experiments.grid.search_space import Search, parse_search, read_methods
from experiments.grid.table_record import table_record
from experiments.grid.tune import searched_methods
from experiments.runtime.errors import UserError

CPU = replace(load_profile("cpu"), methods={})  # as before its search
(COMMON,) = (float(word.partition("=")[2]) for word in CPU.set if word.startswith("optimizer.lr="))
SMALL = ["data.train_images=16", "data.val_images=4"]
FIVE = ("retinanet", "fcos", "freeanchor", "atss", "autoassign")


def search(n: int, m: int, **changes) -> Search:
    values = {
        "dataset": "coco",
        "settings": [f"optimizer.lr={k}e-3" for k in range(1, n + 1)],
        "seeds": list(range(100, 100 + m)),
        "set": ["data.held_out=0.5"],
    }
    return parse_search(values | changes, "own.yaml")


@pytest.mark.parametrize(
    ("settings", "seeds", "sizes", "runs"),
    [(2, 2, (2, 1), 3), (4, 4, (4, 2, 1, 1), 8), (4, 8, (4, 2, 1, 1), 16), (8, 8, (8, 4, 2, 2, 1, 1, 1, 1), 20)],
)
def test_every_method_gets_as_many_runs(settings, seeds, sizes, runs):
    assert (search(settings, seeds).sizes, search(settings, seeds).runs) == (sizes, runs)


def test_the_rule_is_said_in_a_sentence():
    assert "4 settings, halved by their mean AP (4 to 2, 2 to 4, 1 to 8 seeds), 16 runs a method" in search(4, 8).rule


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": [1, 2, 3]}, "search has 4 settings and 3 seeds"),
        ({"settings": ["optimizer.lr=1", "optimizer.lr=2", "optimizer.lr=3"]}, "search has 3 settings"),
        ({"settings": ["optimizer.lr=1", "optimizer.clip=2"]}, "sets other keys"),
        ({"settings": ["optimizer.lr=1", "optimizer.lr"]}, "must be key=value"),
        ({"settings": ["optimizer.lr=1", "optimizer.lr=1"]}, "none twice"),
        ({"seeds": [1, 1, 2, 3]}, "none twice"),
        ({"seeds": [-1, 1, 2, 3]}, "seeds is -1"),
        ({"sets": []}, "sets"),
    ],
)
def test_a_search_that_does_not_come_out_even_is_refused(changes, words):
    with pytest.raises(UserError, match=words):
        search(4, 4, **changes)


@pytest.mark.parametrize("values", [[], {"fcos": "optimizer.lr=1"}, {"fcos": ["optimizer.lr"]}, {"fcos": [1]}])
def test_settings_of_methods_are_lists_of_key_value(values):
    with pytest.raises(UserError, match=r"own\.yaml: methods must be METHOD: \[KEY=VALUE, \.\.\.\]"):
        read_methods(values, "own.yaml")


def test_every_method_of_the_tables_is_searched():
    assert set(searched_methods(CPU)) >= set(FIVE)


@pytest.mark.parametrize("name", ["cpu", "real"])
def test_no_table_takes_a_seed_of_the_search(name):
    from experiments.records.decision_schema import LOOKS

    profile = load_profile(name)
    assert not set(profile.search.seeds) & set(range(LOOKS[-1]))
    with pytest.raises(UserError, match=r"Seed 1001 is one of the search of profile"):
        list(entries_of(load_matrix(7, profile), profile, [0, 1001], SMALL, DatasetFinder(None)))


def tuned(**methods: str):
    return replace(CPU, methods={name: (f"optimizer.lr={value}",) for name, value in methods.items()})


def rates(profile, head: str = "native") -> dict[str, float]:
    matrix = under_head(load_matrix(7, profile), head)
    entries = entries_of(matrix, profile, [0], SMALL, DatasetFinder(None))
    return {entry.row.method: entry.recipe.optimizer.lr for entry in entries}


def test_a_table_gives_each_method_what_its_search_chose_and_a_controlled_one_all_the_same():
    profile = tuned(**dict.fromkeys(FIVE, "2e-3") | {"fcos": "4e-3"})
    assert rates(profile) == dict.fromkeys(FIVE, 2e-3) | {"fcos": 4e-3}
    assert rates(profile, "fcos") == rates(CPU) == dict.fromkeys(FIVE, COMMON)
    assert table_recipe(profile, True, []) != table_recipe(CPU, True, []) == table_recipe(profile, False, [])


def test_what_is_typed_wins_over_the_search_and_the_record_does_not_claim_it():
    profile, matrix, typed = tuned(**dict.fromkeys(FIVE, "4e-3")), load_matrix(7, CPU), [*SMALL, "optimizer.lr=1e-3"]
    entries = list(entries_of(matrix, profile, [0], typed, DatasetFinder(None)))
    record = table_record(matrix, profile, typed, "x", entries)
    assert {entry.recipe.optimizer.lr for entry in entries} == {1e-3} and record.searched == set()


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_rows_of_one_method_have_the_common_rate(number):
    """The search tries the methods as they are; an ablation's other rows would have a rate chosen for this one."""
    entries = entries_of(
        load_matrix(number, CPU), tuned(**dict.fromkeys(FIVE, "1e-3")), [0], SMALL, DatasetFinder(None)
    )
    assert {entry.recipe.optimizer.lr for entry in entries} == {COMMON}


def test_a_method_that_was_not_searched_has_no_run_beside_those_that_were():
    entries = list(entries_of(load_matrix(7, CPU), tuned(retinanet="1e-3"), [0], SMALL, DatasetFinder(None)))
    reasons = {entry.row.method: (entry.reason, bool(entry.id)) for entry in entries}
    assert reasons.pop("retinanet") == ("", True) and len(reasons) == len(FIVE) - 1
    for method, reason in reasons.items():
        assert reason == (f"run.py --tune --profile cpu has not searched {method} yet", False)


def test_what_a_profile_has_for_its_methods_is_one_of_the_settings_that_it_searches():
    profile = load_profile("cpu")
    assert profile.methods.keys() >= set(FIVE)
    assert {" ".join(words) for words in profile.methods.values()} <= set(profile.search.settings)


def test_the_record_of_a_table_says_what_was_searched():
    profile, matrix = tuned(**dict.fromkeys(FIVE, "4e-3")), load_matrix(7, CPU)
    entries = list(entries_of(matrix, profile, [0], SMALL, DatasetFinder(None)))
    record = table_record(matrix, profile, SMALL, "x", entries)
    assert record.searched == {"optimizer.lr"} and {row.tuned for row in record.rows} == {"optimizer.lr=4e-3"}
    assert record.search == search_recipe(profile, SMALL) != search_recipe(profile, [])
    plain = table_record(matrix, CPU, SMALL, "x", entries)
    assert plain.searched == set() and plain.recipe != record.recipe
    assert search_recipe(replace(CPU, search=None), []) == ""


def test_what_the_search_sets_itself_does_not_name_it():
    other = replace(CPU, set=tuple("optimizer.lr=1e-3" if w.startswith("optimizer.lr=") else w for w in CPU.set))
    assert other.set != CPU.set and search_recipe(other, []) == search_recipe(CPU, [])
    assert search_recipe(replace(CPU, set=(*CPU.set, "optimizer.clip=1")), []) != search_recipe(CPU, [])

"""The entries of the tables: which of them are one run, why some have none, and which of them a filter takes."""

import pytest

from experiments.grid.entries import DatasetFinder, TableEntry, entries_of
from experiments.grid.filters import filtered
from experiments.grid.matrices import load_matrix, load_profile
from experiments.recipes.recipe import steps
from experiments.runtime.errors import UserError
from experiments.training.schedule import lr_factor

SMALL = ["data.train_images=16", "data.val_images=4"]
CPU, FULL = load_profile("cpu"), load_profile("full")


def entries(*tables: int, seeds=(0, 1, 2)) -> list[TableEntry]:
    finder = DatasetFinder(None)
    return [e for t in tables for e in entries_of(load_matrix(t, CPU), CPU, list(seeds), SMALL, finder)]


def of_full(table: int) -> list[TableEntry]:
    """Of seed 0, without data."""
    return list(entries_of(load_matrix(table, FULL), FULL, [0], [], DatasetFinder(None)))


def test_shared_entries_are_one_run():
    of_cpu = entries(2, 3, 4, 5, 7)
    assert len({entry.id for entry in of_cpu if entry.id}) == 108 and not any(entry.reason for entry in of_cpu)
    by_name = {(e.table, e.row.name): e.id for e in of_cpu if e.seed == 0 and e.key == "main"}
    full = {by_name[name] for name in ((2, "both"), (3, "category"), (4, "full"), (5, "AutoAssign + ImpObj"))}
    assert len(full) == 1
    assert by_name[2, "confidence only"] == by_name[3, "none"]
    none = [by_name[2, name] for name in ("none", "none, w- kept", "none, fixed normaliser", "confidence only")]
    assert len(set(none)) == 4


def test_the_entry_of_a_seed_is_the_one_that_it_has_alone():
    together = entries(2, 7, seeds=(3, 0, 5))
    alone = {seed: entries(2, 7, seeds=(seed,)) for seed in (0, 3, 5)}
    assert [entry.seed for entry in together[:3]] == [3, 0, 5]
    assert together == [entry for trio in zip(alone[3], alone[0], alone[5], strict=True) for entry in trio]
    assert len({entry.id for entry in together}) > len(together) // 2


def test_a_filter_takes_every_axis_and_names_what_it_does_not_know():
    of_cpu = entries(5, 7, seeds=(0, 1))
    assert {e.row.method for e in filtered(of_cpu, ["assigner=fcos", "assigner=atss"])} == {"fcos", "atss"}
    only = filtered(of_cpu, ["dataset=shapes-voc", "seed=1", "assigner.objectness=implicit"])
    assert [(e.row.name, e.seed, e.dataset) for e in only] == [("AutoAssign", 1, "shapes-voc")]
    assert filtered(of_cpu, ["schedule.batch=8", "backbone=resnet18"]) == of_cpu
    for word, sentence in (
        ("assigner=fcs", "Did you mean 'fcos'"),
        ("asigner=fcos", "Did you mean 'assigner'"),
        ("fcos", "axis=value"),
    ):
        with pytest.raises(UserError, match=sentence):
            filtered(of_cpu, [word])


def test_all_rows_of_table_6_wait_for_their_data_alone_and_none_has_a_run_before():
    six = of_full(6)
    assert len({entry.row.name for entry in six}) == 16 and all("--data-root" in entry.reason for entry in six)
    assert "--data-root" in {e.row.name: e.reason for e in of_full(7) if e.key == "voc"}["ATSS"]
    assert not any(entry.id for entry in six if entry.reason)


def test_the_rows_for_the_priors_differ_in_rate_and_length_alone():
    """On a set and seeds that no table of the paper uses; no figure of the paper stands beside them."""
    profile = load_profile("priors")
    of_priors = list(entries_of(load_matrix(9, profile), profile, [100], SMALL, DatasetFinder(None)))
    assert {entry.dataset for entry in of_priors} == {"shapes-priors"} and not any(e.reason for e in of_priors)
    by_name = {entry.row.name: entry.recipe for entry in of_priors}
    rates = {name: recipe.optimizer.priors_lr_factor for name, recipe in by_name.items()}
    assert rates["common rate"] == rates["four times as long"] == 1 and rates["x5"] == 5 and rates["x20"] == 20
    assert lr_factor(by_name["x20, constant rate"].schedule, 399) == 1 > lr_factor(by_name["x20"].schedule, 399)
    assert steps(by_name["x20, four times as long"].schedule) == 4 * steps(by_name["x20"].schedule) == 1600
    assert len({entry.id for entry in of_priors}) == len(by_name) == 6 and of_priors[0].row.paper == {}

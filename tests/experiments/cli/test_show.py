"""--print-config: valid YAML of the very recipe, with unit and range beside each value."""

import pytest
import yaml

import assigners
from experiments.cli.show import explain, print_config
from experiments.recipes.load import load
from experiments.recipes.names import dataset_names
from experiments.recipes.recipe import plain


@pytest.mark.parametrize("dataset", dataset_names())
def test_what_is_printed_is_the_recipe(capsys, dataset):
    for method in assigners.METHODS:
        recipe = load(dataset, method, ["data.root='#1: Löwe'"], 0)
        print_config(recipe)
        assert yaml.safe_load(capsys.readouterr().out) == plain(recipe)


def test_each_number_and_word_has_its_unit_and_range(capsys):
    print_config(load("shapes", "retinanet", [], 3))
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "  short:  # pixels, 1 or more of them; 32 to 16384",
        "  flip: 0.0  # probability, 0 to 1",
        "  kind: adamw  # sgd, adamw",
        "  milestones: []  # share of the run, each above the one before; above 0, below 1",
        "  positive_iou: 0.5  # IoU, above 0, at most 1",
        "  loss.alpha: 0.25  # weight, 0 to 1",
        "seed: 3  # number, 0 to 9223372036854775807",
        "  root: ''",
    ):
        assert line in lines


@pytest.mark.parametrize("reference", ["autoassign", "fcos"])
def test_the_reference_is_named_and_controlled_mode_leaves_what_the_method_cannot_give_up(capsys, reference):
    explain(load("shapes", "retinanet", [f"model.reference={reference}", "model.mode=controlled"], 0))
    first, *lines = capsys.readouterr().out.partition("settings of")[0].splitlines()
    assert first.startswith(f"retinanet against {reference}, controlled mode")
    fields = {line.split()[0] for line in lines[1:]}
    assert fields == {"scales", "ratios", "base", "coder", "branches"}
    explain(load("shapes", reference, [f"model.reference={reference}"], 0))
    assert len(capsys.readouterr().out.partition("settings of")[0].splitlines()) == 2  # none differs

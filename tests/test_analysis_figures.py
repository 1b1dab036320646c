"""Figures: what they show, of which runs, and the words below them."""

import numpy as np
import pytest

from analysis.collect import collect
from analysis.plots import defaults, figures
from analysis.results import read
from tests.synthetic import record, result, write


def drawn(runs):
    frame = collect(runs)
    return {figure.name: figure for figure in figures(frame, read(frame, runs))}


def learned(classes, mu, truth=()):
    sigma = [[1.0, -2.0]] * len(classes)  # its sign has no meaning
    return {"classes": classes, "mu": mu, "sigma": sigma, "true_offsets": list(truth)}


def test_priors_are_means_over_the_seeds_beside_the_truth(tmp_path):
    for seed, shift in enumerate((0.0, 0.2)):
        mu = [[-0.3 + shift, 0.0], [0.1 + shift, 0.0], [0.3 + shift, 0.0]]
        priors = learned(["left", "disc", "right"], mu, [[-0.375, 0], [0, 0], [0.375, 0]])
        write(tmp_path, f"a{seed}", record(seed=seed), result(0.5, priors=priors))
    made = drawn(tmp_path)
    data = made["priors"].data.set_index("class")
    assert data.loc["left", "mu_x"] == pytest.approx(-0.2) and data.loc["left", "low_x"] == pytest.approx(-0.3)
    assert (data["sigma_y"] == 2).all() and "mean of 2 seeds" in made["priors"].caption
    assert "2 of 2 off-centre axes lie on the right side" in made["offsets"].caption


def test_a_learned_prior_on_the_wrong_side_is_counted_so(tmp_path):
    priors = learned(["left", "disc"], [[0.4, 0.0], [0.0, 0.0]], [[-0.375, 0], [0, 0]])
    write(tmp_path, "a", record(), result(0.5, priors=priors))
    assert "0 of 1 off-centre axes" in drawn(tmp_path)["offsets"].caption


def test_priors_of_a_set_without_truth_have_no_arrow_and_no_second_figure(tmp_path):
    names = [f"$class_{i}^{{x$" for i in range(14)]  # no formulas
    mu = np.random.default_rng(0).normal(0, 0.1, (14, 2)).tolist()
    write(tmp_path, "a", record(dataset="coco"), result(0.5, priors=learned(names, mu)))
    made = drawn(tmp_path)
    assert "offsets" not in made and "Arrow" not in made["priors"].caption
    assert "The 10 of 14 classes" in made["priors"].caption and len(made["priors"].data) == 14


@pytest.mark.parametrize("mu", [[], [[0.0, 0.0]], None])
def test_a_method_without_priors_by_class_has_no_such_figure(tmp_path, mu):
    write(tmp_path, "a", record(), result(0.5, priors=learned(["a", "b"], mu)))
    assert "priors" not in drawn(tmp_path)


def test_figures_show_finished_runs_with_default_settings_of_one_recipe(tmp_path):
    for seed in range(3):
        write(tmp_path, f"a{seed}", record(seed=seed), result(0.5), steps=30)
    write(tmp_path, "copy", record(seed=0), result(0.5), steps=30)
    write(tmp_path, "other", record(seed=0, optimizer__lr=9), result(0.9), steps=30)
    write(tmp_path, "changed", record(settings={"center": "none"}), result(0.9), steps=30)
    write(tmp_path, "new", record(seed=7), steps=30)
    assert list(defaults(collect(tmp_path))["run"]) == ["a0", "a1", "a2"]
    made = drawn(tmp_path)
    assert set(made) == {"curves", "cost", "sizes"}
    assert list(made["cost"].data["minutes"]) == pytest.approx([110 / 60] * 3)
    sizes = made["sizes"].data.set_index("size")
    assert sizes.loc["large", "percent"] == pytest.approx(65) and sizes.loc["large", "seeds"] == 3


def test_null_figures_leave_holes_in_the_figures(tmp_path):
    write(tmp_path, "a", record(), result(0.5, APs=None))
    write(tmp_path, "b", record(assigner="fcos"), result(0.5, AP=None, APs=None, APm=None, APl=None))
    made = drawn(tmp_path)
    assert list(made["sizes"].data["size"]) == ["medium", "large"] and len(made["cost"].data) == 1
    write(tmp_path, "a", record(), result(0.5, AP=None, APs=None, APm=None, APl=None, train_seconds=None))
    assert drawn(tmp_path) == {}


def test_no_run_no_figure(tmp_path):
    write(tmp_path, "a", record())
    assert drawn(tmp_path) == {}


def test_ap_on_the_way_and_at_the_end_gets_its_own_panel(tmp_path):
    folder = write(tmp_path, "a", record(), result(0.5), steps=4)
    folder.write_curve([{"step": 2, "AP": 0.2}])
    data = drawn(tmp_path)["curves"].data
    assert data[data["AP"].notna()][["step", "AP"]].to_numpy().tolist() == [[2, 20], [4, 50]]

"""Plots: what they show, of which runs, and the words below them."""

import numpy as np
import pytest

from analysis import plots
from analysis.plots import report_plots, with_default_settings
from analysis.runs import frame_of, read_runs
from experiments.records.cost_schema import Cost, Costs, read_costs, write_costs
from experiments.records.schema import CurvePoint, Priors
from tests.synthetic import record, result, write_run


def plots_of(folder):
    runs = read_runs(folder)
    return {plot.name: plot for plot in report_plots(frame_of(runs), {run.id: run for run in runs}, read_costs(folder))}


def alone(folder, *names):
    """Steps of methods, measured alone."""
    costs = tuple(Cost("shapes", name, record(assigner=name).common_hash, 0.25) for name in names)
    write_costs(folder, Costs(10, {"cpu": "a chip"}, costs))


def learned(classes, mu, truth=(), sigma=None, spreads=()):
    sigma = sigma or [[1.0, -2.0]] * len(classes)  # its sign has no meaning
    return Priors(
        classes=tuple(classes),
        values={"mu": mu, "sigma": sigma},
        true_offsets=[list(x) for x in truth],
        true_spreads=[list(x) for x in spreads],
        box_strides=[4.0, 4.0],
    )


def test_priors_are_means_over_the_seeds_beside_the_truth(tmp_path):
    for seed, shift in enumerate((0.0, 0.2)):
        mu = [[-0.3 + shift, 0.0], [0.1 + shift, 0.0], [0.3 + shift, 0.0]]
        priors = learned(["left", "disc", "right"], mu, [[-0.375, 0], [0, 0], [0.375, 0]])
        write_run(tmp_path, f"a{seed}", record(seed=seed), result(0.5, priors=priors))
    plots = plots_of(tmp_path)
    data = plots["priors"].data.set_index("class")
    assert data.loc["left", "mu_x"] == pytest.approx(-0.2) and data.loc["left", "low_x"] == pytest.approx(-0.3)
    assert (data["sigma_y"] == 2).all() and "mean of 2 seeds" in plots["priors"].caption
    assert "mu x 0.80 [" in plots["offsets"].caption and "mu on the evidence: 4.0" in plots["offsets"].caption
    assert "Grey" not in plots["offsets"].caption  # of two centred classes there would be a band
    assert "spreads" not in plots and "prior-rates" not in plots


@pytest.mark.parametrize(("mu", "words"), [(-0.4, "1 of 1 others"), (0.4, "0 of 1 others"), (-0.05, "0 of 1 others")])
def test_an_offset_counts_where_it_lies_beyond_the_null_band_on_its_side(tmp_path, mu, words):
    names, truth = ["left", "disc", "ring", "square"], [[-0.375, 0], [0, 0], [0, 0], [0, 0]]
    priors = learned(names, [[mu, 0.0], [-0.02, 0.0], [0.02, 0.0], [0.0, 0.0]], truth)
    write_run(tmp_path, "a", record(), result(0.5, priors=priors))
    assert words in plots_of(tmp_path)["offsets"].caption


def test_sigma_is_held_against_the_spread_in_strides(tmp_path):
    spreads = [[0.25, 0.25], [0.2, 0.2], [0.3, 0.1], [0.1, 0.3]]
    sigma = [[0.5 + 2 * x, -0.5 - 2 * y] for x, y in spreads]  # half of the spread in a box of 4 strides
    priors = learned(["disc", "ring", "plank", "post"], [[0.0, 0.0]] * 4, [[0, 0]] * 4, sigma, spreads)
    write_run(tmp_path, "a", record(), result(0.5, priors=priors))
    plots = plots_of(tmp_path)
    data, caption = plots["spreads"].data.set_index("class"), plots["spreads"].caption
    assert data.loc["plank", "true_x"] == pytest.approx(1.2) and data.loc["plank", "sigma_x"] == pytest.approx(1.1)
    assert "sigma 0.50 [0.50, 0.50]" in caption and "2 of 2 others" in caption and "offsets" not in plots


def test_recipes_are_compared_by_how_well_priors_follow(tmp_path):
    truth, rng = [[-0.3, 0], [0.3, 0], [0, -0.3], [0, 0.3], [0, 0], [0, 0]], np.random.default_rng(0)
    for factor, slope in ((1.0, 0.1), (20.0, 2.0)):
        for seed in range(3):
            mu = (slope * np.array(truth) + 0.05 * rng.normal(size=(6, 2)) - 0.1).tolist()
            run = record(seed=seed, optimizer__priors_lr_factor=factor)
            write_run(tmp_path, f"x{factor:g}-{seed}", run, result(0.5, priors=learned("abcdef", mu, truth)))
    data = plots_of(tmp_path)["prior-rates"].data
    assert (
        list(data["quantity"]) == ["mu x", "mu y", "mu"] * 2 and set(data["seeds"]) == {3} and set(data["AP"]) == {50}
    )
    assert list(data["differs"]) == [""] * 3 + ["priors_lr_factor=20.0"] * 3
    assert data["slope"].iloc[5] == pytest.approx(2, abs=0.2) and data["correlation_low"].iloc[5] > 0.8


def test_priors_of_a_dataset_without_truth_have_no_arrow_and_no_second_plot(tmp_path):
    names = [f"$class_{i}^{{x$" for i in range(14)]  # no formulas
    mu = np.random.default_rng(0).normal(0, 0.1, (14, 2)).tolist()
    write_run(tmp_path, "a", record(dataset="coco"), result(0.5, priors=learned(names, mu)))
    plots = plots_of(tmp_path)
    assert "offsets" not in plots and "Arrow" not in plots["priors"].caption
    assert "The 10 of 14 classes" in plots["priors"].caption and len(plots["priors"].data) == 14


@pytest.mark.parametrize("mu", [[], [[0.0, 0.0]]])
def test_a_method_without_priors_by_class_has_no_such_plot(tmp_path, mu):
    write_run(tmp_path, "a", record(), result(0.5, priors=learned(["a", "b"], mu)))
    assert "priors" not in plots_of(tmp_path)


def test_plots_show_finished_runs_with_default_settings_of_one_recipe(tmp_path):
    for seed in range(3):
        write_run(tmp_path, f"a{seed}", record(seed=seed), result(0.5), steps=30)
    write_run(tmp_path, "copy", record(seed=0), result(0.5), steps=30)
    write_run(tmp_path, "other", record(seed=0, optimizer__lr=9), result(0.9), steps=30)
    write_run(tmp_path, "changed", record(settings={"center": "none"}), result(0.9), steps=30)
    write_run(tmp_path, "new", record(seed=7), steps=30)
    alone(tmp_path, "autoassign")
    runs = read_runs(tmp_path)
    by_id = {run.id: run for run in runs}
    assert list(with_default_settings(frame_of(runs), by_id)["run"]) == ["a0", "a1", "a2"]
    plots = plots_of(tmp_path)
    assert set(plots) == {"curves", "cost", "sizes"}
    assert list(plots["cost"].data["seconds"]) == [0.25] * 3 and "median of 10 on a chip" in plots["cost"].caption
    assert list(plots["cost"].data["percent"]) == [50] * 3 and list(plots["cost"].data["run"]) == ["a0", "a1", "a2"]
    sizes = plots["sizes"].data.set_index("size")
    assert sizes.loc["large", "percent"] == pytest.approx(65) and sizes.loc["large", "seeds"] == 3


def test_methods_with_the_rates_of_a_search_are_plotted_side_by_side(tmp_path):
    for seed in range(2):
        write_run(tmp_path, f"a{seed}", record(seed=seed), result(0.5), steps=30)
        write_run(tmp_path, f"f{seed}", record(assigner="fcos", seed=seed, optimizer__lr=9), result(0.5), steps=30)
    write_run(tmp_path, "common", record(assigner="fcos", seed=0), result(0.4), steps=30)
    runs = read_runs(tmp_path)
    frame, by_id = frame_of(runs), {run.id: run for run in runs}
    assert list(with_default_settings(frame, by_id)["run"]) == ["a0", "a1", "common"]
    assert list(with_default_settings(frame, by_id, ["optimizer.lr"])["run"]) == ["a0", "a1", "f0", "f1"]


def test_null_metrics_leave_holes_in_the_plots(tmp_path):
    write_run(tmp_path, "a", record(), result(0.5, APs=None))
    write_run(tmp_path, "b", record(assigner="fcos"), result(0.5, AP=None, APs=None, APm=None, APl=None))
    alone(tmp_path, "autoassign", "fcos")
    plots = plots_of(tmp_path)
    assert list(plots["sizes"].data["size"]) == ["medium", "large"] and len(plots["cost"].data) == 1
    write_run(tmp_path, "a", record(), result(0.5, AP=None, APs=None, APm=None, APl=None))
    assert plots_of(tmp_path) == {}


def test_no_mark_of_the_cost_is_cut_off(tmp_path, monkeypatch):
    figures, finish = {}, plots.finish_plot
    monkeypatch.setattr(
        plots, "finish_plot", lambda figure, name, *more: figures.update({name: figure}) or finish(figure, name, *more)
    )
    names, seconds = ("autoassign", "fcos", "atss"), (0.24, 0.26, 0.27)
    for name in names:
        write_run(tmp_path, name, record(assigner=name), result(0.5))
    costs = [Cost("shapes", n, record(assigner=n).common_hash, s) for n, s in zip(names, seconds, strict=True)]
    write_costs(tmp_path, Costs(10, {"cpu": "a chip"}, tuple(costs)))
    plots_of(tmp_path)
    (ax, *_) = figures["cost"].axes
    assert ax.get_xlim()[0] == 0 and ax.get_xlim()[1] > 1.05 * max(seconds)


def test_a_cost_that_was_not_measured_alone_has_no_plot(tmp_path):
    write_run(tmp_path, "a", record(), result(0.5))
    assert "cost" not in plots_of(tmp_path)
    alone(tmp_path, "fcos")
    assert "cost" not in plots_of(tmp_path)


def test_no_run_no_plot(tmp_path):
    write_run(tmp_path, "a", record())
    assert plots_of(tmp_path) == {}


def test_ap_on_the_way_and_at_the_end_gets_its_own_panel(tmp_path):
    folder = write_run(tmp_path, "a", record(), result(0.5), steps=4)
    folder.write_curve([CurvePoint(2, {"AP": 0.2})])
    data = plots_of(tmp_path)["curves"].data
    assert data[data["AP"].notna()][["step", "AP"]].to_numpy().tolist() == [[2, 20], [4, 50]]

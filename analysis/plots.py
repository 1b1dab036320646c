"""The plots: curves of the training, AP by cost and by object size. Of every method with its default settings."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from analysis.colours import style_of
from analysis.kept import POINTS, loss_curve
from analysis.plot_style import STYLE, add_legend, finish_plot, panels
from analysis.prior_rates import rate_plots
from analysis.priors import prior_plots
from analysis.report_model import Plot
from analysis.runs import Run
from analysis.stats import mean_of
from experiments.records.cost_schema import Costs
from experiments.records.files import RecordError
from experiments.records.run_folder import RunFolder

SIZES = {"APs": "small", "APm": "medium", "APl": "large"}
MARKED = 6  # points of a loss curve to one mark
COST = ["dataset", "assigner", "recipe", "seconds"]
PANELS = 4  # datasets in one plot


def report_plots(
    frame: pd.DataFrame, runs: dict[str, Run], costs: Costs, searched: Collection[str] = ()
) -> tuple[Plot, ...]:
    """frame: of `frame_of`; those that have anything to show. searched: keys that a search set for each method."""
    runs_to_plot = with_default_settings(frame, runs, searched)
    if runs_to_plot.empty:
        return ()
    with matplotlib.rc_context(STYLE):
        plots = (*prior_plots(runs_to_plot, runs), *rate_plots(frame, runs), *_curves(runs_to_plot, runs))
        plots = (*plots, _cost(runs_to_plot, costs), _sizes(runs_to_plot))
    return tuple(plot for plot in plots if plot is not None)


def with_default_settings(frame: pd.DataFrame, runs: dict[str, Run], searched: Collection[str] = ()) -> pd.DataFrame:
    """Finished runs with default settings; of each dataset those of the recipe that most runs have.

    What a search set makes no other recipe; where a method has several settings of it, those of most of its runs.
    """
    done = frame[(frame["status"] == "done") & (frame["settings"] == "")]
    if done.empty:
        return done
    done = done.assign(family=[runs[name].recipe_without(searched) for name in done["run"]])
    for group, column in (["dataset"], "family"), (["dataset", "assigner"], "recipe"):
        done = done[done[column] == done.groupby(group)[column].transform(_commonest)]
    return done.drop_duplicates(["dataset", "assigner", "seed"]).sort_values(["dataset", "assigner", "seed"])


def _commonest(values: pd.Series) -> str:
    return values.value_counts().index[0]


def _datasets(frame: pd.DataFrame) -> list[str]:
    """Those with the most methods first."""
    counts = frame.groupby("dataset")["assigner"].nunique()
    return sorted(counts.index, key=lambda name: (-counts[name], name))[:PANELS]


def _curves(frame: pd.DataFrame, runs: dict[str, Run]) -> list[Plot]:
    """Of the dataset with the most methods; AP where the records hold it on the way."""
    names = _datasets(frame)
    rows = [_metrics(run, runs[run["run"]].path) for run in frame.to_dict("records") if run["dataset"] == names[0]]
    data = pd.concat([r for r in rows if not r.empty]) if any(not r.empty for r in rows) else pd.DataFrame()
    if data.empty:
        return []
    kinds = [kind for kind in ("loss", "AP") if kind in data and data[kind].notna().any()]
    figure, axes = panels(len(kinds), 1, 7 if len(kinds) == 1 else 4.2, 3.6)
    for ax, kind in zip(axes, kinds, strict=True):
        for i, (assigner, runs_of) in enumerate(data.groupby("assigner")):
            _curve(ax, kind, assigner, runs_of, i)
        ax.set(xlabel="step", ylabel="AP, percent" if kind == "AP" else kind)
        if kind == "loss":
            ax.set_yscale("log")
            ax.yaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), minor_formatter=NullFormatter())
            ax.yaxis.set_major_formatter("{x:g}")
    add_legend(figure, axes)
    caption = f"Mean over the seeds and their range on {names[0]}. " + (
        "AP was measured at the marked steps. "
        f"A loss is the mean of one of at most {POINTS} equal parts of the training, some of them marked. "
        "Losses of different methods have different scales: compare shapes, not heights."
    )
    return [finish_plot(figure, "curves", "Training", caption, data)]


def _curve(ax: Axes, kind: str, assigner: str, runs: pd.DataFrame, number: int) -> None:
    """Every measured AP is marked; of the losses each MARKED-th, not the same ones of two methods."""
    style, table = style_of(assigner), runs.pivot_table(index="step", columns="seed", values=kind)
    ax.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=style.colour, alpha=0.15, lw=0)
    marked = None if kind == "AP" else (number % MARKED, MARKED)
    line = {"linestyle": style.line, "marker": style.marker, "markevery": marked, "ms": 4}
    ax.plot(table.index, table.mean(axis=1), color=style.colour, lw=1.6, label=assigner, **line)


def _metrics(run: dict, path: Path) -> pd.DataFrame:
    """A row a step with its loss; a row a point of the curve and one for the end with AP in percent."""
    folder = RunFolder(path)
    try:
        losses, points = loss_curve(folder), folder.read_curve()
    except RecordError:  # the run is finished: its metrics are known without its curve
        return pd.DataFrame()
    ap = [{"step": point.step, "AP": _percent(point.metrics.get("AP"))} for point in points]
    if losses and ap:
        ap.append({"step": losses[-1].step, "AP": run["AP"]})
    losses = [{"step": row.step, "loss": row.loss} for row in losses]
    rows = pd.DataFrame([*losses, *ap], columns=["step", "loss", "AP"])
    return rows.assign(assigner=run["assigner"], seed=run["seed"], run=run["run"])


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


def _cost(frame: pd.DataFrame, costs: Costs) -> Plot | None:
    data = frame[frame["AP"].notna()].merge(pd.DataFrame(costs.costs, columns=COST), on=COST[:-1])
    names = _datasets(data)
    if not names:
        return None
    figure, axes = panels(min(2, len(names)), -(-len(names) // 2), 4 if len(names) > 1 else 6, 3.3)
    for ax, name in zip(axes, names, strict=False):
        points = data[data["dataset"] == name]
        for assigner, group in points.groupby("assigner"):
            style, seconds = style_of(assigner), group["seconds"].iloc[0]
            ax.plot(group["seconds"], group["AP"], style.marker, color=style.colour, ms=5, alpha=0.35, mew=0)
            ax.plot(seconds, group["AP"].mean(), style.marker, color=style.colour, ms=9, label=assigner)
        ax.set(title=name, xlabel="seconds a step", ylabel="AP, percent")
        ax.margins(y=0.12)
        ax.set_xlim(0, 1.12 * points["seconds"].max())
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    add_legend(figure, axes)
    machine = ", ".join(costs.environment.get("gpus") or [costs.environment.get("cpu", "")])
    caption = (
        "Pale: one run. Full: mean over the seeds. A step was measured alone, nothing else running beside it, its "
        f"images loaded before: median of {costs.steps}{f' on {machine}' if machine else ''}."
    )
    data = data.rename(columns={"AP": "percent"})
    return finish_plot(
        figure, "cost", "AP against the cost of a step", caption, data[[*COST, "seed", "percent", "run"]]
    )


def _sizes(frame: pd.DataFrame) -> Plot | None:
    data = _by_size(frame)
    if data.empty:
        return None
    names = [name for name in _datasets(frame) if name in set(data["dataset"])]
    figure, axes = panels(min(2, len(names)), -(-len(names) // 2), 4 if len(names) > 1 else 6, 3.3, sharey=True)
    for ax, name in zip(axes, names, strict=False):
        of_dataset = data[data["dataset"] == name]
        methods = list(dict.fromkeys(of_dataset["assigner"]))
        for i, assigner in enumerate(methods):
            sizes, style = of_dataset[of_dataset["assigner"] == assigner].set_index("size"), style_of(assigner)
            x = [
                n + 0.13 * (i - (len(methods) - 1) / 2) for n, size in enumerate(SIZES.values()) if size in sizes.index
            ]
            ax.errorbar(
                x,
                sizes["percent"],
                sizes["half"].fillna(0),
                fmt=style.marker,
                color=style.colour,
                ms=6,
                capsize=2,
                lw=1.2,
                label=assigner,
            )
        ax.set(title=name, ylabel="AP, percent", xlim=(-0.5, 2.5))
        ax.set_xticks(range(3), SIZES.values())
        ax.grid(visible=False, axis="x")
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    add_legend(figure, axes)
    caption = "Mean over the seeds and its 95 % t interval; sizes by the area bounds of the protocol."
    return finish_plot(figure, "sizes", "AP by object size", caption, data)


def _by_size(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (dataset, assigner), group in frame.groupby(["dataset", "assigner"]):
        for metric, size in SIZES.items():
            mean = mean_of(group[metric].dropna().tolist())
            if mean:
                rows.append((dataset, assigner, size, mean.value, mean.half, mean.n))
    return pd.DataFrame(rows, columns=["dataset", "assigner", "size", "percent", "half", "seeds"])

"""The figures: curves of the training, AP by cost and by object size. Of every method with its default settings."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter

from analysis.colours import look
from analysis.plot_style import STYLE, canvas, finished, legend
from analysis.priors import priors
from analysis.report_model import Figure
from analysis.results import Run
from analysis.stats import mean
from experiments.records.run_folder import RecordError, RunFolder

SIZES = {"APs": "small", "APm": "medium", "APl": "large"}
SMOOTH = 25  # steps of the running mean
PANELS = 4  # data sets in one figure


def figures(frame: pd.DataFrame, runs: dict[str, Run]) -> tuple[Figure, ...]:
    """frame: of `collect`; those that have anything to show."""
    chosen = defaults(frame)
    if chosen.empty:
        return ()
    with matplotlib.rc_context(STYLE):
        made = (*priors(chosen, runs), *_curves(chosen, runs), _cost(chosen), _sizes(chosen))
    return tuple(figure for figure in made if figure is not None)


def defaults(frame: pd.DataFrame) -> pd.DataFrame:
    """Finished runs with default settings; of each data set those of the recipe that most runs have."""
    done = frame[(frame["status"] == "done") & (frame["settings"] == "")]
    if done.empty:
        return done
    common = done.groupby("dataset")["recipe"].agg(lambda r: r.value_counts().index[0])
    done = done[done["recipe"] == done["dataset"].map(common)]
    return done.drop_duplicates(["dataset", "assigner", "seed"]).sort_values(["dataset", "assigner", "seed"])


def _datasets(frame: pd.DataFrame) -> list[str]:
    """Those with the most methods first."""
    counts = frame.groupby("dataset")["assigner"].nunique()
    return sorted(counts.index, key=lambda name: (-counts[name], name))[:PANELS]


def _curves(frame: pd.DataFrame, runs: dict[str, Run]) -> list[Figure]:
    """Of the data set with the most methods; AP where the records hold it on the way."""
    names = _datasets(frame)
    rows = [_metrics(run, runs[run["run"]].path) for run in frame.to_dict("records") if run["dataset"] == names[0]]
    data = pd.concat([r for r in rows if not r.empty]) if any(not r.empty for r in rows) else pd.DataFrame()
    if data.empty:
        return []
    kinds = [kind for kind in ("loss", "AP") if kind in data and data[kind].notna().any()]
    figure, axes = canvas(len(kinds), 1, 7 if len(kinds) == 1 else 4.2, 3.6)
    for ax, kind in zip(axes, kinds, strict=True):
        for assigner, part in data.groupby("assigner"):
            style, table = look(assigner), part.pivot_table(index="step", columns="seed", values=kind)
            table = table.rolling(SMOOTH, min_periods=1).mean() if kind == "loss" else table
            ax.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=style.colour, alpha=0.15, lw=0)
            ax.plot(table.index, table.mean(axis=1), style.line, color=style.colour, lw=1.6, label=assigner)
        ax.set(xlabel="step", ylabel="AP, percent" if kind == "AP" else kind)
        if kind == "loss":
            ax.set_yscale("log")
            ax.yaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), minor_formatter=NullFormatter())
            ax.yaxis.set_major_formatter("{x:g}")
    legend(figure, axes)
    caption = f"Mean over the seeds and their range on {names[0]}; losses are running means of {SMOOTH} steps. " + (
        "Losses of different methods have different scales: compare shapes, not heights."
    )
    return [finished(figure, "curves", "Training", caption, data)]


def _metrics(run: dict, path: Path) -> pd.DataFrame:
    """A row a step with its loss; a row a point of the curve and one for the end with AP in percent."""
    folder = RunFolder(path)
    try:
        losses, points = folder.read_metrics(), folder.read_curve()
    except RecordError:  # the run is finished: its figures stand without its curve
        return pd.DataFrame()
    if losses and points:
        points = [*points, {"step": losses[-1]["step"], "AP": run["AP"]}]
    rows = pd.DataFrame([*losses, *points], columns=["step", "loss", "AP"])
    return rows.assign(AP=100 * rows["AP"], assigner=run["assigner"], seed=run["seed"], run=run["run"])


def _cost(frame: pd.DataFrame) -> Figure | None:
    data = frame[frame["train_seconds"].notna() & frame["AP"].notna()]
    names = _datasets(data)
    if not names:
        return None
    data = data.assign(minutes=data["train_seconds"] / 60, percent=100 * data["AP"])
    figure, axes = canvas(min(2, len(names)), -(-len(names) // 2), 4 if len(names) > 1 else 6, 3.3)
    for ax, name in zip(axes, names, strict=False):
        for assigner, part in data[data["dataset"] == name].groupby("assigner"):
            style = look(assigner)
            ax.plot(part["minutes"], part["percent"], style.marker, color=style.colour, ms=5, alpha=0.35, mew=0)
            ax.plot(
                part["minutes"].mean(), part["percent"].mean(), style.marker, color=style.colour, ms=9, label=assigner
            )
        ax.set(title=name, xlabel="training, minutes", ylabel="AP, percent")
        ax.margins(0.12)
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    legend(figure, axes)
    caption = "Pale: one run. Full: mean over the seeds. Time is of the machine that ran it, which other work may slow."
    wanted = ["dataset", "assigner", "seed", "minutes", "percent", "run"]
    return finished(figure, "cost", "AP against training time", caption, data[wanted])


def _sizes(frame: pd.DataFrame) -> Figure | None:
    data = _by_size(frame)
    if data.empty:
        return None
    names = [name for name in _datasets(frame) if name in set(data["dataset"])]
    figure, axes = canvas(min(2, len(names)), -(-len(names) // 2), 4 if len(names) > 1 else 6, 3.3, sharey=True)
    for ax, name in zip(axes, names, strict=False):
        part = data[data["dataset"] == name]
        methods = list(dict.fromkeys(part["assigner"]))
        for i, assigner in enumerate(methods):
            mine, style = part[part["assigner"] == assigner].set_index("size"), look(assigner)
            places = [
                n + 0.13 * (i - (len(methods) - 1) / 2) for n, size in enumerate(SIZES.values()) if size in mine.index
            ]
            ax.errorbar(
                places,
                mine["percent"],
                mine["half"].fillna(0),
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
    legend(figure, axes)
    caption = "Mean over the seeds and its 95 % t interval; sizes by the area bounds of the protocol."
    return finished(figure, "sizes", "AP by object size", caption, data)


def _by_size(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (dataset, assigner), part in frame.groupby(["dataset", "assigner"]):
        for figure, size in SIZES.items():
            found = mean((100 * part[figure].dropna()).tolist())
            if found:
                rows.append((dataset, assigner, size, found.value, found.half, found.n))
    return pd.DataFrame(rows, columns=["dataset", "assigner", "size", "percent", "half", "seeds"])

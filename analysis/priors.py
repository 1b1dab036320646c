"""The learned centre priors by class (figure 5 of the paper), beside the truth where a synthetic dataset knows it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.colours import style_of
from analysis.learned import (
    AXES,
    Follows,
    Learned,
    estimate_words,
    has_priors,
    learned_of,
    offsets_followed,
    spreads_followed,
)
from analysis.plot_style import finish_plot, panels
from analysis.report_model import Plot
from analysis.runs import Run

LARGEST = 10  # classes
REACH = 2.4  # strides from the centre
LEVELS = (0.25, 0.5, 0.75)  # of G
ARROW = 3.2  # strides an arrow has for an offset of one box


def prior_plots(frame: pd.DataFrame, runs: dict[str, Run]) -> list[Plot]:
    """Of the dataset that most runs learned priors on; nothing where none did."""
    learned = [run for run in frame.to_dict("records") if has_priors(runs[run["run"]])]
    if not learned:
        return []
    dataset, assigner = pd.Series([(r["dataset"], r["assigner"]) for r in learned]).value_counts().index[0]
    of_dataset = [runs[r["run"]] for r in learned if (r["dataset"], r["assigner"]) == (dataset, assigner)]
    values = learned_of(of_dataset)
    data = _table(values)
    plots = [_contours(data, dataset, assigner, len(of_dataset))]
    plots += [_offsets(data, values, dataset, assigner)] if offsets_followed(values) else []
    return plots + ([_spreads(values, dataset, assigner)] if spreads_followed(values) else [])


def _table(learned: Learned) -> pd.DataFrame:
    """A row a class: means over the seeds, strides; the spread of mu over them; the truth, box widths and heights."""
    mu, columns = learned.mu, {"class": learned.classes}
    for axis, name in enumerate(AXES):
        columns |= {f"mu_{name}": mu[..., axis].mean(0), f"sigma_{name}": learned.sigma[..., axis].mean(0)}
        columns |= {f"low_{name}": mu[..., axis].min(0), f"high_{name}": mu[..., axis].max(0)}
        columns[f"true_{name}"] = learned.offsets[:, axis]
    return pd.DataFrame(columns)


def _contours(data: pd.DataFrame, dataset: str, assigner: str, seeds: int) -> Plot:
    distance = np.hypot(data["mu_x"] - data["mu_x"].mean(), data["mu_y"] - data["mu_y"].mean())
    largest = data.loc[sorted(distance.sort_values(ascending=False).index[:LARGEST])]
    rows = -(-len(largest) // 5)
    figure, axes = panels(-(-len(largest) // rows), rows, 1.8, 1.95, sharex=True, sharey=True)
    for ax, row in zip(axes, largest.to_dict("records"), strict=False):
        _contour(ax, row, style_of(assigner).colour)
    for ax in axes[len(largest) :]:
        ax.set_visible(False)
    figure.supxlabel("strides from the centre of the box", fontsize=10)
    remark = (
        "" if len(largest) == len(data) else f" The {LARGEST} of {len(data)} classes that lie farthest from their mean."
    )
    has_truth = data["true_x"].notna().any()
    caption = (
        f"Learned centre prior G of {assigner} on {dataset}, mean of {seeds} seed{'s' if seeds > 1 else ''}: "
        f"contours at {', '.join(map(str, LEVELS))} of its height, dot at mu.{remark}"
    ) + (" Arrow: where the evidence of the class truly lies, not to scale." if has_truth else "")
    return finish_plot(figure, "priors", "Learned centre priors by class", caption, data)


def _contour(ax: Axes, row: dict, colour: str) -> None:
    line = np.linspace(-REACH, REACH, 121)
    x, y = np.meshgrid(line, line)
    log_g = sum(
        -((v - row[f"mu_{axis}"]) ** 2) / (2 * max(row[f"sigma_{axis}"], 1e-6) ** 2) for v, axis in ((x, "x"), (y, "y"))
    )
    ax.contourf(x, y, np.exp(log_g), levels=[*LEVELS, 1.0001], colors=[colour], alpha=0.16)
    ax.contour(x, y, np.exp(log_g), levels=LEVELS, colors=[colour], linewidths=0.9)
    ax.plot(row["mu_x"], row["mu_y"], "o", color=colour, ms=4)
    ax.axhline(0, color="#9aa3ab", lw=0.6)
    ax.axvline(0, color="#9aa3ab", lw=0.6)
    if np.hypot(row["true_x"], row["true_y"]) > 0:
        end = (ARROW * row["true_x"], ARROW * row["true_y"])
        ax.annotate("", end, (0, 0), arrowprops={"arrowstyle": "->", "lw": 1.3, "color": "#1b1f24"})
    name = row["class"]
    ax.set_title(name if len(name) <= 18 else f"{name[:17]}…", fontsize=9)
    ax.set(xlim=(-REACH, REACH), ylim=(REACH, -REACH), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    ax.grid(visible=False)


def _offsets(data: pd.DataFrame, learned: Learned, dataset: str, assigner: str) -> Plot:
    """mu against the truth, an axis a panel: what all classes share moves no slope and no correlation."""
    follows = offsets_followed(learned)
    figure, axes = panels(2, 1, 3.9, 3.3, sharey=True)
    for ax, axis, name in zip(axes, AXES, ("left to right", "top to bottom"), strict=True):
        spread = [data[f"mu_{axis}"] - data[f"low_{axis}"], data[f"high_{axis}"] - data[f"mu_{axis}"]]
        ax.errorbar(data[f"true_{axis}"], data[f"mu_{axis}"], spread, **_points(assigner))
        _shade(ax, next((f for f in follows if f.name == f"mu {axis}"), None))
        ax.set(title=name, xlabel="true offset, boxes")
    axes[0].set_ylabel("learned mu, strides")
    unit = "strides a box" + ("" if np.isnan(learned.box).any() else f"; mu on the evidence: {learned.box.mean():.1f}")
    caption = (
        f"Learned mu of {assigner} on {dataset} against the true offset of each class, mean and range over the seeds. "
        f"{_words(follows, unit)}{_beyond(follows[-1], 'without an offset along the axis')}"
    )
    return finish_plot(figure, "offsets", "Learned against true offsets", caption, data)


def _spreads(learned: Learned, dataset: str, assigner: str) -> Plot:
    """sigma against the spread of what is painted, and what stretches a class along one axis alone."""
    follows, (sigma, true) = spreads_followed(learned), (learned.sigma.mean(0), learned.spreads)
    figure, axes = panels(2, 1, 3.9, 3.3)
    for axis, name in enumerate(AXES):
        axes[0].plot(true[:, axis], sigma[:, axis], ("o", "^")[axis], color=style_of(assigner).colour, ms=5, label=name)
    difference = learned.sigma[..., 0] - learned.sigma[..., 1]
    spread = np.abs([difference.min(0), difference.max(0)] - difference.mean(0))
    axes[1].errorbar(true[:, 0] - true[:, 1], difference.mean(0), spread, **_points(assigner))
    _shade(axes[1], follows[-1])
    axes[0].set(title="x and y", xlabel="true spread, strides", ylabel="learned sigma, strides")
    axes[1].set(title="x less y", xlabel="true spread, strides")
    axes[0].legend()
    caption = (
        f"Learned sigma of {assigner} on {dataset} against the standard deviation of what a class paints, mean and "
        f"range over the seeds. {_words(follows, '1: sigma is the spread')}{_beyond(follows[-1], 'as wide as tall')}"
    )
    columns = {f"sigma_{name}": sigma[:, a] for a, name in enumerate(AXES)}
    columns |= {f"true_{name}": true[:, a] for a, name in enumerate(AXES)}
    return finish_plot(
        figure, "spreads", "Learned against true spreads", caption, pd.DataFrame({"class": learned.classes} | columns)
    )


def _points(assigner: str) -> dict:
    return {"fmt": "o", "color": style_of(assigner).colour, "ms": 5, "lw": 1.1, "capsize": 2}


def _shade(ax: Axes, follows: Follows | None) -> None:
    """The null band; an axis without a truth that varies has none."""
    for band in follows.bands if follows else ():
        if np.isfinite(band.low):
            ax.axhspan(band.low, band.high, color="#9aa3ab", alpha=0.25, lw=0)


def _words(follows: list[Follows], unit: str) -> str:
    slopes, correlations = (
        ", ".join(f"{f.name} {estimate_words(getattr(f.fit, kind))}" for f in follows)
        for kind in ("slope", "correlation")
    )
    over = "classes and seeds" if follows[0].fit.seeds > 1 else "classes, of one seed"
    return f"Slope over {over}, 95 %: {slopes} ({unit}). Correlation: {correlations}."


def _beyond(follows: Follows, null: str) -> str:
    """null: which classes the band is of; nothing where it could not be told."""
    if not follows.of:
        return ""
    return (
        f" Grey: where a class {null} lies in 95 % of cases; {follows.right} of {follows.of} others lie beyond it on "
        "their side."
    )

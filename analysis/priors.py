"""The learned centre priors by class (figure 5 of the paper), beside the truth where a synthetic dataset knows it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.colours import style_of
from analysis.plot_style import finish_plot, panels
from analysis.report_model import Plot
from analysis.runs import Run

LARGEST = 10  # classes
REACH = 2.4  # strides from the centre
LEVELS = (0.25, 0.5, 0.75)  # of G
ARROW = 3.2  # strides an arrow has for an offset of one box


def prior_plots(frame: pd.DataFrame, runs: dict[str, Run]) -> list[Plot]:
    """Of the dataset that most runs learned priors on; nothing where none did."""
    learned = [run for run in frame.to_dict("records") if _learned(runs[run["run"]])]
    if not learned:
        return []
    dataset, assigner = pd.Series([(r["dataset"], r["assigner"]) for r in learned]).value_counts().index[0]
    of_dataset = [runs[r["run"]] for r in learned if (r["dataset"], r["assigner"]) == (dataset, assigner)]
    data = _table(of_dataset)
    plots = [_contours(data, dataset, assigner, len(of_dataset))]
    return plots + ([_offsets(data, dataset, assigner)] if data["true_x"].notna().any() else [])


def _learned(run: Run) -> bool:
    classes, values = run.result.priors.classes, run.result.priors.values
    return bool(classes) and all(np.shape(values.get(k, [])) == (len(classes), 2) for k in ("mu", "sigma"))


def _table(runs: list[Run]) -> pd.DataFrame:
    """A row a class: means over the seeds, strides; the spread of mu over them; the truth, box widths and heights."""
    priors = [run.result.priors for run in runs]
    mu, sigma = (np.array([p.values[name] for p in priors], dtype=float) for name in ("mu", "sigma"))  # (S, K, 2)
    sigma, classes = np.abs(sigma), list(priors[0].classes)  # G holds its square alone
    truth = np.array(priors[0].true_offsets or np.full((len(classes), 2), np.nan), dtype=float)
    columns = {"class": classes}
    for axis, name in enumerate("xy"):
        columns |= {f"mu_{name}": mu[..., axis].mean(0), f"sigma_{name}": sigma[..., axis].mean(0)}
        columns |= {f"low_{name}": mu[..., axis].min(0), f"high_{name}": mu[..., axis].max(0)}
        columns[f"true_{name}"] = truth[:, axis]
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


def _offsets(data: pd.DataFrame, dataset: str, assigner: str) -> Plot:
    """mu against the truth, an axis a panel: off-centre classes should lie on the side of their evidence."""
    figure, axes = panels(2, 1, 3.9, 3.3, sharey=True)
    for ax, axis, name in zip(axes, "xy", ("left to right", "top to bottom"), strict=True):
        spread = [data[f"mu_{axis}"] - data[f"low_{axis}"], data[f"high_{axis}"] - data[f"mu_{axis}"]]
        style = {"fmt": "o", "color": style_of(assigner).colour, "ms": 5, "lw": 1.1, "capsize": 2}
        ax.errorbar(data[f"true_{axis}"], data[f"mu_{axis}"], spread, **style)
        ax.axhline(data[f"mu_{axis}"].mean(), color="#9aa3ab", lw=0.9, ls="--")
        ax.set(title=name, xlabel="true offset, boxes")
    axes[0].set_ylabel("learned mu, strides")
    right, total = (sum(counts) for counts in zip(*(_right(data, axis) for axis in "xy"), strict=True))
    caption = (
        f"Learned mu of {assigner} on {dataset} against the true offset of each class, mean and range over the seeds; "
        f"dashed: mean of the classes. {right} of {total} off-centre axes lie on the right side of it."
    )
    return finish_plot(figure, "offsets", "Learned against true offsets", caption, data)


def _right(data: pd.DataFrame, axis: str) -> tuple[int, int]:
    """Classes off the centre along an axis whose mu lies on that side of the classes' mean; and how many there are."""
    off = data[data[f"true_{axis}"].abs() > 0]
    side = (off[f"mu_{axis}"] - data[f"mu_{axis}"].mean()) * off[f"true_{axis}"]
    return int((side > 0).sum()), len(off)

"""How well learned priors follow the truth by recipe: other rates and lengths of the training side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.learned import follows_table, has_priors, learned_of, offsets_followed, spreads_followed
from analysis.plot_style import add_legend, finish_plot, panels
from analysis.report_model import Plot
from analysis.runs import Run

GROUP = ["dataset", "assigner", "recipe"]
STYLES = {  # quantity -> colour and marker; told apart in grey, too
    "mu x": ("#0072B2", "<"),
    "mu y": ("#009E73", "^"),
    "mu": ("#D55E00", "o"),
    "sigma": ("#CC79A7", "s"),
    "sigma x - y": ("#000000", "D"),
}


def rate_plots(frame: pd.DataFrame, runs: dict[str, Run]) -> list[Plot]:
    """Of all recipes with default settings whose truth is known; nothing for a single one."""
    done = frame[(frame["status"] == "done") & (frame["settings"] == "")]
    done = done[[has_priors(runs[name]) for name in done["run"]]].drop_duplicates([*GROUP, "seed"])
    groups = {key: [runs[name] for name in group["run"]] for key, group in done.groupby(GROUP, sort=False)}
    tables = [_of_recipe(key, group, groups) for key, group in groups.items()]
    data = pd.concat([pd.DataFrame(), *tables], ignore_index=True)
    data = data.sort_values(["dataset", "assigner", "differs"], kind="stable", ignore_index=True) if len(data) else data
    return [_plot(data)] if len(data) and data["recipe"].nunique() > 1 else []


def _of_recipe(key: tuple[str, str, str], runs: list[Run], groups: dict[tuple, list[Run]]) -> pd.DataFrame:
    learned = learned_of(runs)
    table = follows_table([*offsets_followed(learned), *spreads_followed(learned)])
    rivals = [group[0].record.options for other, group in groups.items() if other[:2] == key[:2]]
    ap = np.mean([run.percent("AP") or np.nan for run in runs])
    names = dict(zip(GROUP, key, strict=True)) | {"differs": _differs(runs[0].record.options, rivals), "AP": ap}
    return table.assign(**names)[[*names, *table.columns]] if len(table) else table


def _differs(options: dict[str, str], rivals: list[dict[str, str]]) -> str:
    """What is not alike in all recipes on the dataset, as this one has it."""
    keys = [key for key in options if any(other.get(key) != options[key] for other in rivals)]
    return ", ".join(f"{key.rpartition('.')[2]}={options[key]}" for key in keys)


def _plot(data: pd.DataFrame) -> Plot:
    """A line a recipe, correlation and slope side by side."""
    labels = list(dict.fromkeys(map(_label, data.to_dict("records"))))
    lines = max(label.count("\n") + 1 for label in labels)
    figure, axes = panels(2, 1, 4.4, 1.1 + max(0.62, 0.2 * lines) * len(labels), sharey=True)
    for ax, kind in zip(axes, ("correlation", "slope"), strict=True):
        for row in data.to_dict("records"):
            _line(ax, row, kind, labels.index(_label(row)))
        ax.axvline(0, color="#9aa3ab", lw=0.8)
        ax.set(xlabel=kind)
    axes[0].set(xlim=(-1.02, 1.02), ylim=(len(labels) - 0.5, -0.5))
    axes[0].set_yticks(range(len(labels)), labels)
    axes[1].set(xlabel="slope: mu strides a box, sigma strides a stride")
    add_legend(figure, axes)
    caption = (
        "Correlation and slope of learned mu against the true offset of the class, and of learned sigma against its "
        "true spread, with 95 % intervals over classes and seeds. x - y: the difference of the two axes of a class."
    )
    return finish_plot(figure, "prior-rates", "Learned priors by recipe", caption, data)


def _label(row: dict) -> str:
    words = row["differs"].replace(", ", "\n")
    return f"{row['dataset']}, {row['seeds']} seed{'s' * (row['seeds'] > 1)}\n{words}".strip()


def _line(ax: Axes, row: dict, kind: str, line: int) -> None:
    colour, marker = STYLES[row["quantity"]]
    value, y = row[kind], line + 0.15 * (list(STYLES).index(row["quantity"]) - 2)
    ends = [[value - row[f"{kind}_low"]], [row[f"{kind}_high"] - value]]
    ax.errorbar(value, y, xerr=ends, fmt=marker, color=colour, ms=5, lw=1.1, capsize=2, label=row["quantity"])

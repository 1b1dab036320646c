"""The plain table of runs that no table of the paper asked for: one line a method, data set and recipe."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.collect import FIGURES
from analysis.stats import mean

GROUP = ["dataset", "assigner", "backbone", "iterations", "settings", "recipe"]
NOTE = (
    "AP as a fraction of 1: the mean over seeds, ± the half-width of its 95 % t interval where there are n > 1 seeds. "
    "recipe: all that is neither method nor seed; compare only rows in which it is equal."
)


@dataclass(frozen=True)
class Flat:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    holes: tuple[tuple[str, tuple[str, ...]], ...]  # a title, and a sentence a run


def flat(table: pd.DataFrame) -> Flat:
    """table: of `collect`."""
    done = table[table["status"] == "done"]
    rows = tuple(_row(key, runs) for key, runs in done.groupby(GROUP, dropna=False))
    parts = (("Unfinished", table[table["status"] != "done"]), ("Figures missing", done[done["reason"] != ""]))
    holes = tuple((title, tuple(map(_hole, part.to_dict("records")))) for title, part in parts if len(part))
    return Flat((*GROUP, *FIGURES, "n", "runs"), rows, holes)


def markdown(found: Flat) -> str:
    """One table of the finished runs, then the holes with their reasons."""
    rows = map(_line, found.rows)
    lines = [_line(found.head), _line("---" for _ in found.head), *rows, "", NOTE]
    lines = lines if found.rows else ["No finished runs."]
    for title, holes in found.holes:
        lines += ["", f"{title}:", "", *(f"- {hole}" for hole in holes)]
    return "\n".join(lines) + "\n"


def _row(key: tuple, runs: pd.DataFrame) -> tuple[str, ...]:
    seeds = runs.groupby("seed")[list(FIGURES)].mean()  # a copied run folder is not another seed
    figures = (mean_and_half(seeds[name].dropna().tolist()) for name in FIGURES)
    return *map(str, key), *figures, str(len(seeds)), ", ".join(runs["run"])


def _hole(run: dict) -> str:
    name = "" if pd.isna(run["assigner"]) else f" ({run['assigner']} on {run['dataset']}, seed {run['seed']})"
    return f"{run['run']}{name}: {' '.join(run['reason'].split())}"


def _line(cells) -> str:
    return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |"


def mean_and_half(values: list[float]) -> str:
    """Mean, and the half-width of its 95 % t interval for more than one value."""
    found = mean(values)
    if found is None:
        return "-"
    return f"{found.value:.3f}" + ("" if found.half is None else f" ± {found.half:.3f}")

"""The plain table of runs that no table of the paper asked for: one line a method, dataset and recipe."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.sentences import PLUS_MINUS
from analysis.stats import mean_of
from experiments.records.schema import METRICS

GROUP = ["dataset", "assigner", "backbone", "steps", "settings", "recipe"]
NOTE = (
    f"AP in percent: the mean over seeds{PLUS_MINUS}the half-width of its 95 % t interval where there are n > 1 seeds. "
    "recipe: all that is neither method nor seed; compare only rows in which it is equal."
)


@dataclass(frozen=True)
class PlainTable:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    holes: tuple[tuple[str, tuple[str, ...]], ...]  # a title, and a sentence a run


def plain_table(table: pd.DataFrame) -> PlainTable:
    """table: of `frame_of`."""
    done = table[table["status"] == "done"]
    rows = tuple(_row(key, runs) for key, runs in done.groupby(GROUP, dropna=False))
    lists = (("Unfinished", table[table["status"] != "done"]), ("Figures missing", done[done["reason"] != ""]))
    holes = tuple((title, tuple(map(_hole, runs.to_dict("records")))) for title, runs in lists if len(runs))
    return PlainTable((*GROUP, *METRICS, "n", "runs"), rows, holes)


def plain_markdown(plain: PlainTable) -> str:
    """One table of the finished runs, then the holes with their reasons."""
    rows = map(_line, plain.rows)
    lines = [_line(plain.head), _line("---" for _ in plain.head), *rows, "", NOTE]
    lines = lines if plain.rows else ["No finished runs."]
    for title, holes in plain.holes:
        lines += ["", f"{title}:", "", *(f"- {hole}" for hole in holes)]
    return "\n".join(lines) + "\n"


def _row(key: tuple, runs: pd.DataFrame) -> tuple[str, ...]:
    seeds = runs.groupby("seed")[list(METRICS)].mean()  # a copied run folder is not another seed
    figures = (mean_and_half(seeds[name].dropna().tolist()) for name in METRICS)
    return *map(str, key), *figures, str(len(seeds)), ", ".join(runs["run"])


def _hole(run: dict) -> str:
    name = "" if pd.isna(run["assigner"]) else f" ({run['assigner']} on {run['dataset']}, seed {run['seed']})"
    return f"{run['run']}{name}: {' '.join(run['reason'].split())}"


def _line(columns) -> str:
    return "| " + " | ".join(str(text).replace("|", r"\|") for text in columns) + " |"


def mean_and_half(values: list[float]) -> str:
    """Mean, and the half-width of its 95 % t interval for more than one value."""
    mean = mean_of(values)
    if mean is None:
        return "-"
    return f"{mean.value:.1f}" + ("" if mean.half is None else f"{PLUS_MINUS}{mean.half:.1f}")

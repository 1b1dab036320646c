"""Prints the results of a folder of runs as one Markdown table.

python analysis/report.py runs/ [--out FILE.md]
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

try:
    from analysis.collect import FIGURES, collect
    from experiments.records import RecordError
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")

GROUP = ["dataset", "assigner", "backbone", "iterations", "settings", "recipe"]
# 0.975 quantiles of Student's t for 1..10 degrees of freedom.
T_975 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
Z_975 = 1.959964
NOTE = (
    "AP as a fraction of 1: the mean over seeds, ± the half-width of its 95 % t interval where there are n > 1 seeds. "
    "recipe: all that is neither method nor seed; compare only rows in which it is equal."
)


def report(table: pd.DataFrame) -> str:
    """Markdown: one table of the finished runs, then the holes with their reasons."""
    done = table[table["status"] == "done"]
    head = (*GROUP, *FIGURES, "n", "runs")
    rows = [_row(key, runs) for key, runs in done.groupby(GROUP, dropna=False)]
    lines = [_line(head), _line("---" for _ in head), *map(_line, rows), "", NOTE] if rows else ["No finished runs."]
    for title, part in (
        ("Unfinished", table[table["status"] != "done"]),
        ("Figures missing", done[done["reason"] != ""]),
    ):
        if len(part):
            lines += ["", f"{title}:", "", *(_hole(run) for run in part.to_dict("records"))]
    return "\n".join(lines) + "\n"


def _row(key: tuple, runs: pd.DataFrame) -> tuple:
    seeds = runs.groupby("seed")[list(FIGURES)].mean()  # a copied run folder is not another seed
    return *key, *(mean_and_half(seeds[name].dropna().tolist()) for name in FIGURES), len(seeds), ", ".join(runs["run"])


def _hole(run: dict) -> str:
    name = "" if pd.isna(run["assigner"]) else f" ({run['assigner']} on {run['dataset']}, seed {run['seed']})"
    return f"- {run['run']}{name}: {' '.join(run['reason'].split())}"


def _line(cells) -> str:
    return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |"


def mean_and_half(values: list[float]) -> str:
    """Mean, and the half-width of its 95 % t interval for more than one value."""
    n = len(values)
    if n == 0:
        return "-"
    mean = sum(values) / n
    if n == 1:
        return f"{mean:.3f}"
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return f"{mean:.3f} ± {quantile(n - 1) * deviation / math.sqrt(n):.3f}"


def quantile(freedom: int) -> float:
    """0.975 quantile of Student's t; beyond the table by Abramowitz and Stegun 26.7.5, good to 2e-4."""
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    z = Z_975
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder of the run folders")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the report here too")
    options = parser.parse_args()
    try:
        table = collect(options.runs)
        if table.empty:
            raise RecordError(
                f"No runs in {options.runs}: it holds no folder with a run.json, as experiments/run.py makes them."
            )
        text = report(table)
        if options.out:
            options.out.write_text(text, encoding="utf-8")
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: Cannot write {options.out}: {error.strerror}.", file=sys.stderr)
        return 2
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

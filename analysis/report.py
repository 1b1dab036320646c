"""Prints the results of a folder of runs: the paper's tables where run.py --tables made them, else one plain table.

python analysis/report.py runs/ [--out report/]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

try:
    from analysis import plain_table, to_csv, to_latex, to_markdown
    from analysis.build_table import build
    from analysis.collect import collect
    from analysis.compare import Draws
    from analysis.plots import figures
    from analysis.report_model import Figure, Report
    from analysis.results import read
    from analysis.sentences import LEGEND
    from analysis.table_spec import TableSpec, tables_in
    from analysis.to_html import html
    from experiments.records.run_folder import RecordError
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")

TITLE = "Label assignment, compared"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder of the run folders")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write Markdown, HTML, CSV, LaTeX and figures here too")
    parser.add_argument("--mix", action="store_true", help="show rows of different recipes in one table, marked")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of the images (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of these draws")
    return parser


def report(options: argparse.Namespace) -> tuple[Report, pd.DataFrame]:
    """And the flat table of all records. Raises RecordError where there is nothing to report."""
    frame, specs = collect(options.runs), tables_in(options.runs)
    if frame.empty and not specs:
        raise RecordError(
            f"No runs in {options.runs}: it holds no folder with a run.json, as experiments/run.py makes them."
        )
    runs, draws = read(frame, options.runs), Draws(options.resamples, options.seed)
    tables = tuple(build(spec, runs, options.runs, draws, options.mix) for spec in specs)
    loose = frame[~frame["run"].isin(_used(specs))]
    found = plain_table.flat(loose) if len(loose) else None
    drawn = figures(frame, runs) if options.out else ()
    return Report(TITLE, _said(frame, specs, options), tables, found, "Other runs" if specs else "Runs", drawn), frame


def _used(specs: list[TableSpec]) -> set[str]:
    return {run for spec in specs for row in spec.rows for cell in row.cells.values() for run in cell.runs.values()}


def _said(frame: pd.DataFrame, specs: list[TableSpec], options: argparse.Namespace) -> str:
    counts = frame["status"].value_counts()
    said = ", ".join(f"{counts[status]} {status}" for status in ("done", "failed", "unfinished") if status in counts)
    noise = f" Paired differences: t over seeds and {options.resamples} draws of the images (seed {options.seed}), "
    return f"Runs: {said or 'none'}." + (f"{noise}p by Holm within a table." if specs else "")


def markdown(found: Report) -> str:
    """Tables of the paper first; loose runs alone are the plain table and nothing else."""
    rest = plain_table.markdown(found.flat) if found.flat else ""
    if not found.tables:
        return rest
    said = (found.said, to_markdown.summary(found.tables), to_markdown.escape(LEGEND))
    parts = [f"# {found.title}\n\n" + "\n\n".join(part.strip() for part in said) + "\n"]
    parts += [to_markdown.markdown(table) for table in found.tables]
    parts += [f"## {found.rest}\n\n{rest}"] if rest else []
    parts += ["## Figures\n\n" + "\n".join(map(_figure, found.figures))] if found.figures else []
    return "\n".join(parts)


def _figure(figure: Figure) -> str:
    caption = to_markdown.escape(figure.caption)
    return f"![{figure.title}](figures/{figure.name}.png)\n\n**{figure.title}.** {caption}\n"


def write(found: Report, frame: pd.DataFrame, text: str, out: Path) -> None:
    """index.html, report.md, runs.csv, a CSV and a TeX file a table, and the figures as PNG, PDF and CSV."""
    (out / "figures").mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(text, encoding="utf-8")
    (out / "index.html").write_text(html(found), encoding="utf-8")
    frame.to_csv(out / "runs.csv", index=False, lineterminator="\n")
    for table in found.tables:
        name = table.name.removeprefix(f"{table.profile}-") if _unique(found, table.number) else table.name
        (out / f"{name}.md").write_text(to_markdown.markdown(table), encoding="utf-8")
        (out / f"{name}.csv").write_text(to_csv.csv(table), encoding="utf-8")
        (out / f"{name}.tex").write_text(to_latex.latex(table), encoding="utf-8")
    for figure in found.figures:
        place = out / "figures" / figure.name
        place.with_suffix(".png").write_bytes(figure.png)
        place.with_suffix(".pdf").write_bytes(figure.pdf)
        figure.data.to_csv(place.with_suffix(".csv"), index=False, lineterminator="\n")


def _unique(found: Report, number: int) -> bool:
    return sum(table.number == number for table in found.tables) == 1


def main() -> int:
    options = arguments().parse_args()
    try:
        found, frame = report(options)
        text = markdown(found)
        if options.out:
            write(found, frame, text, options.out)
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: Cannot write {error.filename or options.out}: {error.strerror}.", file=sys.stderr)
        return 2
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

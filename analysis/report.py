"""Prints the results of a folder of runs: the paper's tables where run.py --tables made them, else one plain table.

python analysis/report.py runs/ [--out report/ | --keep report/]
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill

if not __package__:  # run as a file: this checkout's code, whatever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback out of an import; exit_code says a sentence

try:
    import pandas as pd

    from analysis import to_csv, to_latex, to_markdown
    from analysis.build_table import build_table
    from analysis.claim_words import claims_line
    from analysis.claims_csv import claims_csv
    from analysis.commands import exit_code, whole
    from analysis.draws import Draws
    from analysis.header import header_of
    from analysis.heads import beside_each_other
    from analysis.keep import Source, keep_records, report_source
    from analysis.looks import decisions_of
    from analysis.plain_table import plain_markdown, plain_table
    from analysis.plots import report_plots
    from analysis.report_model import Plot, Report
    from analysis.runs import Run, frame_of, read_runs
    from analysis.sentences import LEGEND
    from analysis.table import Table
    from analysis.to_html import report_html
    from analysis.tuning import is_of_a_search, tuning_lines
    from experiments.records.cost_schema import read_costs
    from experiments.records.files import RecordError
    from experiments.records.run_folder import tables_in
    from experiments.records.search_schema import searches_in
    from experiments.records.table_schema import TableRecord
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")

WIDTH = 80  # of a terminal
TITLE = "Label assignment, compared"


@dataclass(frozen=True, eq=False)
class Made:
    """A report, and what it was made of."""

    report: Report
    frame: pd.DataFrame  # all records, flat
    runs: list[Run]
    draws: Draws


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder of the run folders, or a kept report")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--out", type=Path, metavar="DIR", help="write Markdown, HTML, CSV, LaTeX and plots here too")
    target.add_argument("--keep", type=Path, metavar="DIR", help="as --out, with all that makes the report again")
    parser.add_argument(
        "--mix", action="store_true", default=None, help="show rows of different recipes in one table, marked"
    )
    parser.add_argument("--resamples", type=whole(1, 1_000_000), help=f"draws of images (default: {Draws.resamples})")
    parser.add_argument("--seed", type=whole(0), help=f"of these draws (default: {Draws.seed})")
    return parser


def make_report(source: Source, plots: bool) -> Made:
    """Raises RecordError where there is nothing to report."""
    searches, records = searches_in(source.runs), tables_in(source.runs)
    runs = [run for run in read_runs(source.runs) if not is_of_a_search(run, searches)]
    if not runs and not records:
        raise RecordError(
            f"No runs in {source.runs}: it holds no folder with a run.json, as experiments/run.py makes them."
        )
    frame, by_id, draws = frame_of(runs), {run.id: run for run in runs}, Draws(source.resamples, source.seed)
    tables = [_table(record, by_id, draws, source) for record in records]
    tables = tuple(replace(t, tuning=tuning_lines(r, searches)) for t, r in zip(tables, records, strict=True))
    searched = {key for record in records for key in record.searched}
    loose = frame[~frame["run"].isin(_used(records))]
    report = Report(
        title=TITLE,
        summary=_summary(frame, records, source),
        header=header_of(runs, records),
        tables=beside_each_other(records, tables),
        plain=plain_table(loose) if len(loose) else None,
        plain_title="Other runs" if records else "Runs",
        plots=report_plots(frame, by_id, read_costs(source.runs), searched) if plots else (),
    )
    return Made(report, frame, runs, draws)


def _table(record: TableRecord, runs: dict[str, Run], draws: Draws, source: Source) -> Table:
    decisions = decisions_of(source.runs / "tables", record)
    return build_table(record, runs, source.runs, draws, source.mix, decisions)


def _used(records: list[TableRecord]) -> set[str]:
    return {
        run for table in records for row in table.rows for entry in row.entries.values() for run in entry.runs.values()
    }


def _summary(frame: pd.DataFrame, records: list[TableRecord], source: Source) -> str:
    counts = frame["status"].value_counts()
    words = ", ".join(f"{counts[status]} {status}" for status in ("done", "failed", "unfinished") if status in counts)
    noise = f" Noise of the images: {source.resamples} draws (seed {source.seed})."
    return f"Runs: {words or 'none'}." + (noise if records else "")


def report_markdown(report: Report) -> str:
    """Tables of the paper first; other runs alone are the plain table and nothing else."""
    plain = plain_markdown(report.plain) if report.plain else ""
    if not report.tables:
        return plain
    header = to_markdown.header_list(report.header)
    head = (report.summary, header, to_markdown.summary_list(report.tables), to_markdown.escape_markdown(LEGEND))
    sections = [f"# {report.title}\n\n" + "\n\n".join(text.strip() for text in head if text) + "\n"]
    sections += [to_markdown.table_markdown(table) for table in report.tables if not table.empty]
    sections += [f"## {report.plain_title}\n\n{plain}"] if plain else []
    sections += ["## Plots\n\n" + "\n".join(map(_plot_markdown, report.plots))] if report.plots else []
    return "\n".join(sections)


def _plot_markdown(plot: Plot) -> str:
    caption = to_markdown.escape_markdown(plot.caption)
    return f"![{plot.title}](figures/{plot.name}.png)\n\n**{plot.title}.** {caption}\n"


def write_report(result: Made, text: str, out: Path) -> None:
    """index.html, report.md, runs.csv, claims.csv, a CSV and a TeX file a table, and the plots as PNG, PDF and CSV."""
    report = result.report
    (out / "figures").mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(text, encoding="utf-8")
    (out / "index.html").write_text(report_html(report), encoding="utf-8")
    result.frame.to_csv(out / "runs.csv", index=False, lineterminator="\n", float_format="%.6g")
    if any(table.claims for table in report.tables):
        (out / "claims.csv").write_text(claims_csv(report.tables), encoding="utf-8")
    for table in (table for table in report.tables if not table.empty):
        name = f"table{table.number}" if _unique(report, table) else table.name
        (out / f"{name}.md").write_text(to_markdown.table_markdown(table), encoding="utf-8")
        (out / f"{name}.csv").write_text(to_csv.table_csv(table), encoding="utf-8")
        if table.shares:
            (out / f"{name}-shares.csv").write_text(to_csv.shares_csv(table), encoding="utf-8")
        (out / f"{name}.tex").write_text(to_latex.table_latex(table), encoding="utf-8")
    for plot in report.plots:
        path = out / "figures" / plot.name
        path.with_suffix(".png").write_bytes(plot.png)
        path.with_suffix(".pdf").write_bytes(plot.pdf)
        plot.data.to_csv(path.with_suffix(".csv"), index=False, lineterminator="\n")


def _unique(report: Report, table: Table) -> bool:
    """Whether it is the only native one of its number."""
    return not table.head and sum(t.number == table.number and not t.head for t in report.tables) == 1


def main() -> int:
    options = parser().parse_args()
    return exit_code(lambda: _report(options), "Cannot write", options.keep or options.out or "the report")


def _report(options: argparse.Namespace) -> None:
    source, out = report_source(options.runs, options.resamples, options.seed, options.mix), options.keep or options.out
    result = make_report(source, plots=bool(out) or source.kept)
    text = report_markdown(result.report)
    if not out:
        print(text, end="")
        return
    if options.keep:
        keep_records(source, result.runs, result.draws, options.keep)
    write_report(result, text, out)
    for table in result.report.tables:
        print(fill(f"{table.label}: {claims_line(table)}", WIDTH))
    print(out / "index.html")


if __name__ == "__main__":
    sys.exit(main())

"""A kept report: beside its page the folder `records`, small records that make the page again, byte for byte."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from analysis.draws import Draws
from analysis.kept import AGAIN, keep_run
from analysis.runs import Run
from experiments.records.cost_schema import read_costs, write_costs
from experiments.records.decision_schema import decisions_path, read_decisions, write_decisions
from experiments.records.files import RecordError, read_record, write_record
from experiments.records.run_folder import RunFolder, tables_in, write_table
from experiments.records.search_schema import searches_in, write_search

RECORDS, OPTIONS = "records", "report.json"


@dataclass(frozen=True)
class KeptOptions:
    """`report.json`: of the command that made the report."""

    resamples: int
    seed: int
    mix: bool


@dataclass(frozen=True)
class Source:
    """What a report is made of."""

    runs: Path
    resamples: int
    seed: int
    mix: bool
    kept: bool  # from small records, by which the draws are fixed


def report_source(folder: Path, resamples: int | None, seed: int | None, mix: bool | None) -> Source:
    """Of a folder of runs, or of a kept report, which has its own options. None: the default. Raises RecordError."""
    requested, path = (resamples, seed, mix), folder / RECORDS / OPTIONS
    if not path.is_file():
        defaults = (Draws.resamples, Draws.seed, False)
        values = (default if value is None else value for value, default in zip(requested, defaults, strict=True))
        return Source(folder, *values, kept=False)
    options = read_record(path, KeptOptions, AGAIN)
    settings = (options.resamples, options.seed, options.mix)
    if any(value not in (None, setting) for value, setting in zip(requested, settings, strict=True)):
        raise RecordError(
            f"{folder} is a kept report of {options.resamples} draws, seed {options.seed}, "
            f"--mix {'' if options.mix else 'not '}given: leave out --resamples, --seed and --mix, or make it of the "
            "runs themselves."
        )
    return Source(path.parent, *settings, kept=True)


def keep_records(source: Source, runs: list[Run], draws: Draws, out: Path) -> None:
    """After the report was made: `draws` holds what it asked for. Replaces what was kept. Raises RecordError."""
    target, stage = out / RECORDS, out / f"{RECORDS}.{os.getpid()}.partial"
    if source.runs.resolve() == target.resolve():
        raise RecordError(f"{out} keeps these records already: --out {out} makes its page again.")
    out.mkdir(parents=True, exist_ok=True)
    try:
        _draw_claims(source, runs, draws)
        for run in runs:
            keep_run(RunFolder(run.path), draws.to_keep(run), RunFolder(stage / run.id))
        for table in tables_in(source.runs):
            write_table(stage, table)
            decisions = read_decisions(decisions_path(source.runs / "tables", table.name))
            if decisions is not None:
                write_decisions(decisions_path(stage / "tables", table.name), decisions)
        for search in searches_in(source.runs):
            write_search(stage, search)
        write_costs(stage, read_costs(source.runs))
        write_record(stage / OPTIONS, KeptOptions(source.resamples, source.seed, source.mix))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(stage, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _draw_claims(source: Source, runs: list[Run], draws: Draws) -> None:
    """All that a later look may ask for, where the grid continues from the kept records: a claim whose rows do not have
    the same seeds yet has not asked for all of them.
    """
    claims = [claim for table in tables_in(source.runs) for claim in table.claims]
    wanted = {("AP",), *(claim.metric for claim in claims), *(claim.worse_metric for claim in claims)} - {()}
    for run, metrics in product((run for run in runs if run.status == "done"), wanted):
        if run.mean_percent(metrics) is not None:
            draws.of(run, metrics)

"""The report: all that its Markdown and its HTML say."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.plain_table import PlainTable
from analysis.table import Table


@dataclass(frozen=True, eq=False)
class Plot:
    name: str  # of its files
    title: str
    caption: str
    png: bytes
    pdf: bytes
    data: pd.DataFrame  # what it shows


@dataclass(frozen=True, eq=False)
class Report:
    title: str
    summary: str  # how many runs, and how the noise was estimated
    header: tuple[tuple[str, str], ...]  # when, with what and on what they ran: titles and words
    tables: tuple[Table, ...]
    plain: PlainTable | None  # of the runs that no table holds
    plain_title: str
    plots: tuple[Plot, ...]

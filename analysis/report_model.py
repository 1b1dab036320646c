"""The report: all that its Markdown and its HTML say."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.plain_table import Flat
from analysis.table import Table


@dataclass(frozen=True, eq=False)
class Figure:
    name: str  # of its files
    title: str
    caption: str
    png: bytes
    pdf: bytes
    data: pd.DataFrame  # what it shows


@dataclass(frozen=True, eq=False)
class Report:
    title: str
    said: str  # how many runs, and how the noise was found
    tables: tuple[Table, ...]
    flat: Flat | None  # of the runs that no table holds
    rest: str  # its title
    figures: tuple[Figure, ...]

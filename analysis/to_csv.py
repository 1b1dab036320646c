"""A table as CSV, a line a figure, with the runs behind it."""

from __future__ import annotations

import pandas as pd

from analysis import sentences
from analysis.share_words import shares_frame
from analysis.table import Table


def table_csv(table: Table) -> str:
    return table_frame(table).to_csv(index=False, lineterminator="\n")


def shares_csv(table: Table) -> str:
    """A line a method and part of a table of shares."""
    return shares_frame(table.shares).to_csv(index=False, lineterminator="\n")


def table_frame(table: Table) -> pd.DataFrame:
    """Percent; empty where there is nothing."""
    lines = []
    for row in table.rows:
        against = "; ".join(f"{sentences.versus(table, c)}: {sentences.paired_difference(c)}" for c in row.versus)
        for column, value in zip(table.columns, row.values, strict=True):
            ours = value.ours
            lines.append(
                {
                    "table": table.name,
                    "row": row.name,
                    "settings": row.differs,
                    "column": column,
                    "paper": value.paper,
                    "ours": ours and round(ours.value, 4),
                    "half_width_95": ours and ours.half and round(ours.half, 4),
                    "noise": ours and ours.half and ours.noise,
                    "seeds": ours and ours.n,
                    "difference": None if value.difference is None else round(value.difference, 4),
                    "mark": value.mark,
                    "other_recipe": "yes" if value.mixed else "",
                    "hole": value.hole,
                    "paired": against,
                    "runs": " ".join(value.runs),
                }
            )
    return pd.DataFrame(lines).astype({"seeds": "Int64"})

"""A table as CSV, a line a figure, with the runs behind it."""

from __future__ import annotations

import pandas as pd

from analysis import sentences
from analysis.table import Table


def csv(table: Table) -> str:
    return frame(table).to_csv(index=False, lineterminator="\n")


def frame(table: Table) -> pd.DataFrame:
    """Percent; empty where there is nothing."""
    lines = []
    for row in table.rows:
        against = "; ".join(f"{sentences.versus(table, c)}: {sentences.difference(c)}" for c in row.versus)
        for column, cell in zip(table.columns, row.cells, strict=True):
            ours = cell.ours
            lines.append(
                {
                    "table": table.name,
                    "row": row.name,
                    "settings": row.differs,
                    "column": column,
                    "paper": cell.paper,
                    "ours": ours and round(ours.value, 4),
                    "half_width_95": ours and ours.half and round(ours.half, 4),
                    "seeds": ours and ours.n,
                    "difference": None if cell.difference is None else round(cell.difference, 4),
                    "mark": cell.mark,
                    "other_recipe": "yes" if cell.mixed else "",
                    "hole": cell.hole,
                    "paired": against,
                    "runs": " ".join(cell.runs),
                }
            )
    return pd.DataFrame(lines).astype({"seeds": "Int64"})

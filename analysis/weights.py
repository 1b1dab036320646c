"""What the rows of a table start from: the training recipe of each row's weights, and whether the rows mix several."""

from __future__ import annotations

from analysis.effects import Runs
from analysis.table import StartingWeights, Table

UNKNOWN = "not recorded"  # by a run of an older version


def starting_weights(done: Runs) -> tuple[StartingWeights, ...]:
    """Each recipe of weights with its rows, of all datasets together; () where no run says any."""
    by_recipe: dict[str, dict[str, None]] = {}
    for rows in done.values():
        for row, by_seed in rows.items():
            for run in by_seed.values():
                by_recipe.setdefault(run.record.weights or UNKNOWN, {})[row] = None
    known = by_recipe.keys() - {UNKNOWN}
    return tuple(StartingWeights(recipe, tuple(rows)) for recipe, rows in by_recipe.items()) if known else ()


def mixed(table: Table) -> list[str]:
    """A sentence to stand beside the certificates; none where all rows start from one recipe."""
    several = len(table.weights) > 1
    return [f"The rows mix weights of {len(table.weights)} recipes: {'; '.join(weight_lines(table))}."] * several


def weight_lines(table: Table) -> list[str]:
    """A recipe and its rows each."""
    return [f"{item.recipe} ({', '.join(item.rows)})" for item in table.weights]

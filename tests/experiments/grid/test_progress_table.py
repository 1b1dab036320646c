"""The live table on terminals of all sizes: numbers are whole or not there, and what is hidden is counted."""

import io

import pytest
from rich.console import Console

from experiments.grid.progress_table import HEADS, fitted

TITLE = "2 running, 1 failed, 3 done, 93 new; 12:34:56 left"
NUMBERS = ("45000/90000", "123.4", "1:02:03", "0.405")
ROWS = [(f"table 5, AutoAssign with centre weighting, coco, seed {i}", "running", *NUMBERS) for i in range(99)]


def drawn(rows: list[tuple[str, ...]], width: int, height: int, title: str = TITLE) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, height=height).print(fitted(rows, title, width, height))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("height", [10, 24, 60])
@pytest.mark.parametrize("width", [40, 50, 60, 80, 120, 200])
def test_numbers_are_whole_and_the_hidden_rows_are_counted(width, height):
    lines = drawn(ROWS, width, height)
    assert max(map(len, lines)) <= width and len(lines) < height
    text = "\n".join(lines)
    assert "…" not in text
    shown = sum("running" in line and "│" in line for line in lines)
    assert shown >= 1 and f"{len(ROWS) - shown} more runs are not shown" in text
    heads = [head for head in HEADS[2:] if head in lines[2] + lines[3]]
    for head, number in zip(HEADS[2:], NUMBERS, strict=True):
        assert text.count(number) == (shown if head in heads else 0)
    assert "seed 0" in text and "table" in text
    assert ("AP" in heads, "steps" in heads) == (True, width >= 50)
    assert (len(heads) == 4) == (width >= 80)


def test_all_rows_of_a_small_grid_are_shown_and_nothing_is_said_of_others():
    text = "\n".join(drawn(ROWS[:3], 80, 24))
    assert text.count("running") == 4 and "not shown" not in text  # the title has one, too


def test_a_name_that_fits_is_not_cut():
    row = ("table 2, none, shapes, seed 0", "new", *NUMBERS)
    assert row[0] in "\n".join(drawn([row], 90, 24))

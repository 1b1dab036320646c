"""`run.py --list`: methods and datasets, without loading any."""

from __future__ import annotations

import shutil
import textwrap

from assigners.describe import descriptions
from experiments.recipes.names import dataset_names

LEAST = 50  # columns: a narrower terminal breaks the lines itself
ENDLESS = 10_000  # where there is no terminal: a line a method, for grep


def print_list() -> None:
    """Name, year, what it does and source of each method, within the width of the terminal."""
    methods = descriptions()
    width = max(len(method.name) for method in methods)
    print("assigners (or FILE.py:CLASS of your own):")
    for method in methods:
        source = f" ({method.source})" if method.source else ""
        name = f"  {method.name:<{width}}  {method.year:<4}  "
        print(_wrapped(f"{method.line}{source}", name))
    print("datasets (or the path of a YAML recipe):")
    print(_wrapped(", ".join(dataset_names()), "  "))


def _wrapped(text: str, indent: str) -> str:
    """The first line begins with `indent`, the others below its end."""
    columns = max(LEAST, shutil.get_terminal_size((ENDLESS, 24)).columns)
    lines = textwrap.wrap(
        text,
        columns,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_on_hyphens=False,
        break_long_words=False,
    )
    return "\n".join(lines or [indent.rstrip()])  # an installed method may say nothing of itself

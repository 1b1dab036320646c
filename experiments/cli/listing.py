"""`run.py --list`: methods and datasets, without loading any."""

from __future__ import annotations

from assigners.describe import descriptions
from experiments.recipes.names import dataset_names


def print_list() -> None:
    """A line a method: name, year, what it does, source."""
    methods = descriptions()
    width = max(len(method.name) for method in methods)
    print("assigners (or FILE.py:CLASS of your own):")
    for method in methods:
        source = f" ({method.source})" if method.source else ""
        print(f"  {method.name:<{width}}  {method.year:<4}  {method.line}{source}".rstrip())
    print("datasets (or the path of a YAML recipe):")
    print(f"  {', '.join(dataset_names())}")

"""What a method's file says of itself in its docstring, read without importing it (or torch)."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from assigners import GROUP, METHODS, available


@dataclass(frozen=True)
class Description:
    """A line of `run.py --list`; "" for what the file does not say."""

    name: str
    year: str
    line: str  # what the method does
    source: str  # its paper


def descriptions() -> list[Description]:
    """Of all methods that have a name, ours first."""
    return [describe(name) for name in available()]


def describe(name: str) -> Description:
    """From the header of the method's file: `NAME: what it does.`, a blank line, then `Paper: Authors YEAR, title.`"""
    text = _docstring(name)
    line = text.partition("\n")[0].partition(": ")[2].rstrip(".")
    paper = re.search(r"^Paper: (.+?)\.?$", text, re.MULTILINE)
    source = paper[1] if paper else ""
    year = re.search(r"\b(19|20)\d\d\b", source)
    return Description(name, year[0] if year else "", line, source)


def _docstring(name: str) -> str:
    """Of the method's module; "" where its text cannot be had or parsed."""
    try:
        path = _ours(name) if name in METHODS else _installed(name)
        return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except (OSError, ValueError, SyntaxError, AttributeError, StopIteration):
        return ""


def _ours(name: str) -> Path:
    return Path(__file__).parent / f"{METHODS[name].partition(':')[0].rpartition('.')[2]}.py"


def _installed(name: str) -> Path:
    """The module's file, from the list of files of the package that declares it."""
    point = next(point for point in entry_points(group=GROUP) if point.name == name)
    inner = point.module.replace(".", "/") + ".py"
    files = point.dist.files or ()  # None where the package has no list
    return Path(next(file for file in files if str(file).endswith(inner)).locate())

"""A table as Markdown that also reads well as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analysis import sentences
from analysis.table import Cell, Table

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escape(said: str) -> str:
    """On one line, without any markup of its own."""
    return SPECIAL.sub(r"\\\1", " ".join(said.split())).replace("&", "&amp;")


def summary(tables: tuple[Table, ...]) -> str:
    """A line a table."""
    bad = {t.name: " **Not fair, see there.**" for t in tables if any(c.broken for c in t.certificates)}
    return "".join(f"- Table {t.number}: {escape(sentences.counted(t))}{bad.get(t.name, '')}\n" for t in tables)


def markdown(table: Table) -> str:
    return "\n".join([f"## Table {table.number}. {escape(table.title)}", "", *body(table)]) + "\n"


def body(table: Table) -> list[str]:
    compared = table.single
    head = ["", *map(escape, table.columns), *(["paired difference of AP"] if compared else [])]
    lines = [escape(sentences.subtitle(table)) + ".", "", line(head), line("---" for _ in head)]
    for row in table.rows:
        cells = [f"{escape(row.name)}<br>{small(row.differs)}" if row.differs else escape(row.name)]
        cells += [_cell(cell) for cell in row.cells]
        found = [c for c in row.versus if c.found is not None]
        against = [f"{escape(sentences.difference(c))}<br>{small(f'against {c.against}')}" for c in found]
        lines.append(line([*cells, *(["<br>".join(against)] if compared else [])]))
    lines += ["", f"**{escape(sentences.counted(table))}**"]
    lines += [f"- {escape(sentences.order(table, item))}" for item in table.orders if item.verdict == "disagrees"]
    for certificate in table.certificates:
        lines += ["", _loud(sentences.verdict(certificate), bool(certificate.broken))]
        lines += [f"- {escape(sentence)}" for sentence in certificate.broken]
    return lines + _details(table)


def _details(table: Table) -> list[str]:
    lines = []
    for title, items in sentences.details(table):
        lines += ["", f"<details><summary>{escape(title)} ({len(items)})</summary>", ""]
        lines += [*(f"- {escape(item)}" for item in items), "", "</details>"]
    return lines


def _cell(cell: Cell) -> str:
    said = escape(sentences.ours(cell))
    said = {"best": f"**{said}**", "second": f"<u>{said}</u>"}.get(cell.mark, said)
    return f"{said}<br>{small(sentences.paper(cell))}" if cell.paper is not None else said


def small(said: str) -> str:
    return f"<sub>{escape(said)}</sub>"


def _loud(said: str, broken: bool) -> str:
    return f"> **{escape(said)}**" if broken else escape(said)


def line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"

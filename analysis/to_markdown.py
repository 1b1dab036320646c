"""A table as Markdown that also reads well as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analysis import sentences
from analysis.claim_words import HEAD, claim_rows, claims_line
from analysis.table import COMBINATIONS, Block, PrintedValue, Table
from analysis.weights import mixed

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escape_markdown(text: str) -> str:
    """On one line, without any markup of its own."""
    return SPECIAL.sub(r"\\\1", sentences.one_line(text)).replace("&", "&amp;")


def header_list(header: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"- {escape_markdown(title)}: {escape_markdown(words)}\n" for title, words in header)


def summary_list(tables: tuple[Table, ...]) -> str:
    """A line a table."""
    bad = {t.name: " **Not fair, see there.**" for t in tables if any(c.broken for c in t.certificates)}
    return "".join(
        f"- {escape_markdown(t.label)}: {escape_markdown(claims_line(t))}{bad.get(t.name, '')}\n" for t in tables
    )


def table_markdown(table: Table) -> str:
    return "\n".join([f"## Table {table.number}. {escape_markdown(table.title)}", "", *table_body(table)]) + "\n"


def table_body(table: Table) -> list[str]:
    column = table.single
    head = ["", *map(escape_markdown, table.columns), *(["paired difference of AP"] if column else [])]
    lines = [
        escape_markdown(sentences.subtitle(table)) + ".",
        "",
        *_claims(table),
        *(line for block in table.blocks for line in _block(block)),
        *[_summary(COMBINATIONS, len(table.rows)), ""] * bool(table.shares),
        table_line(head),
        table_line("---" for _ in head),
    ]
    for row in table.rows:
        texts = [f"{escape_markdown(row.name)}<br>{small(row.differs)}" if row.differs else escape_markdown(row.name)]
        texts += [_value(value) for value in row.values]
        compared = [c for c in row.versus if c.difference is not None]
        against = [
            f"{escape_markdown(sentences.paired_difference(c))}<br>{small(f'against {c.against}')}" for c in compared
        ]
        lines.append(table_line([*texts, *(["<br>".join(against)] if column else [])]))
    lines += ["", "</details>"] * bool(table.shares)
    lines += _rankings(table) * (not table.claims)
    for certificate in table.certificates:
        lines += ["", _loud(sentences.fairness_line(certificate), bool(certificate.broken))]
        lines += [f"- {escape_markdown(sentence)}" for sentence in certificate.broken]
    lines += [text for sentence in mixed(table) for text in ("", _loud(sentence, True))]
    return lines + _details(table)


def _claims(table: Table) -> list[str]:
    rows = [table_line(map(escape_markdown, row)) for row in claim_rows(table)]
    return [
        f"**{escape_markdown(claims_line(table))}**",
        "",
        table_line(HEAD),
        table_line("---" for _ in HEAD),
        *rows,
        "",
        escape_markdown(table.rule),
        "",
    ] * bool(rows)


def _rankings(table: Table) -> list[str]:
    """Of a table without claims."""
    bad = [item for item in table.rankings if item.outcome == "contradicted"]
    return [
        "",
        f"**{escape_markdown(sentences.rankings_line(table))}**",
        *(f"- {escape_markdown(sentences.ranking_line(table, item))}" for item in bad),
    ]


def _block(block: Block) -> list[str]:
    rows = [block.head, ("---",) * len(block.head), *block.rows]
    lines = [table_line(map(escape_markdown, row)) for row in rows]
    title = escape_markdown(block.title)
    first, last = (f"**{title}**", []) if not block.folded else (_summary(title, len(block.rows)), ["</details>", ""])
    return [first, "", *lines, "", small(block.note), "", *last]


def _summary(title: str, count: int) -> str:
    return f"<details><summary>{title} ({count})</summary>"


def _details(table: Table) -> list[str]:
    lines = []
    for title, items in sentences.details(table):
        lines += ["", _summary(escape_markdown(title), len(items)), ""]
        lines += [*(f"- {escape_markdown(item)}" for item in items), "", "</details>"]
    return lines


def _value(value: PrintedValue) -> str:
    text = escape_markdown(sentences.our_figure(value))
    text = f"**{text}**" if value.mark == "best" else text
    return f"{text}<br>{small(sentences.paper_figure(value))}" if value.paper is not None else text


def small(text: str) -> str:
    return f"<sub>{escape_markdown(text)}</sub>"


def _loud(text: str, broken: bool) -> str:
    return f"> **{escape_markdown(text)}**" if broken else escape_markdown(text)


def table_line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(texts) + " |"

"""The same table native and with one head for all, side by side: figures, verdicts, and which of them change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analysis import sentences
from analysis.claim_words import claim_rows
from analysis.table import Block, Table
from experiments.records.table_schema import RowRecord, TableRecord

FIGURES = (
    "Native: each method with its own head and, where a search found one, its own rate. Then all with one head, whose "
    "style is the same for all rows, and the common rate."
)
VERDICTS = "A verdict that changes with the head is none on the assignment."
CHANGES = "changes with the head"
NOWHERE = ("no result", "", "", "")  # of a claim that a table lacks, as claim_rows


def beside_each_other(records: list[TableRecord], tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """The first table of each that was made with several heads gets them beside each other. In the order of records."""
    groups: dict[tuple[int, str, str], list[int]] = {}
    for i, record in enumerate(records):
        groups.setdefault((record.number, record.profile, record.common or record.recipe), []).append(i)
    several = {same[0]: same for same in groups.values() if len(same) > 1}
    return tuple(
        _beside([records[j] for j in several[i]], [tables[j] for j in several[i]]) if i in several else table
        for i, table in enumerate(tables)
    )


def verdict_of(verdicts: dict[str, str]) -> str:
    """Of one claim under several heads, by head: their verdict, or that it changes and how."""
    judged = {head: verdict for head, verdict in verdicts.items() if verdict != "no result"}
    if len(set(judged.values())) > 1:
        return f"{CHANGES}: {', '.join(f'{verdict} ({head})' for head, verdict in judged.items())}"
    alone = f" ({', '.join(judged)} alone)" if 0 < len(judged) < len(verdicts) else ""
    return next(iter(judged.values()), "no result") + alone


def _beside(records: list[TableRecord], tables: list[Table]) -> Table:
    heads = [table.head or "native" for table in tables]
    columns = [f"{head}'s head" if head != "native" else head for head in heads]
    claims, figures = tuple(_claims(heads, tables)), tuple(_figures(records, tables))
    changing = sum(row[-1].startswith(CHANGES) for row in claims)
    blocks = [Block("Verdicts under each head", ("claim", *columns, "verdict"), claims, VERDICTS)] if claims else []
    blocks += [Block("AP under each head", ("", *columns, "what stays its own"), figures, FIGURES)]
    remark = f"{changing} of them change{'s' * (changing == 1)} with the head." if claims else ""
    return replace(tables[0], blocks=(*blocks, *tables[0].blocks), remark=remark)


def _claims(heads: list[str], tables: list[Table]) -> Iterator[tuple[str, ...]]:
    """A row a claim of the first table."""
    by_head = [{j.claim.id: row for j, row in zip(t.claims, claim_rows(t), strict=True)} for t in tables]
    for name, first in by_head[0].items():
        rows = [by_id.get(name, NOWHERE) for by_id in by_head]  # another version's record may lack it
        verdicts = {head: row[0] for head, row in zip(heads, rows, strict=True)}
        yield first[1], *map(_short, rows), verdict_of(verdicts)


def _short(row: tuple[str, ...]) -> str:
    """Verdict and difference, without what would settle it."""
    difference = row[3].partition(";")[0]
    return f"{row[0]}, {difference}" if row[0] != "no result" and difference else row[0]


def _figures(records: list[TableRecord], tables: list[Table]) -> Iterator[tuple[str, ...]]:
    """A row a method and dataset."""
    keeps = {row.name: _keeps(row, records[0]) for record in records for row in record.rows if row.keeps}
    values = [{(r.name, c): v for r in t.rows for c, v in zip(t.columns, r.values, strict=True)} for t in tables]
    names = [column.name for column in records[0].columns if column.metric == "AP"]
    for row in tables[0].rows:
        for name in names:
            figures = [by_place[row.name, name] for by_place in values if (row.name, name) in by_place]
            if any(figure.ours for figure in figures) and len(figures) == len(tables):
                dataset = "" if len(names) == 1 else f", {name.removesuffix(' AP')}"
                yield f"{row.name}{dataset}", *map(sentences.our_figure, figures), keeps.get(row.name, "")


def _keeps(row: RowRecord, native: TableRecord) -> str:
    """Of a controlled row; and what is set in it that the native one has not, beside the head."""
    native_words = {
        word for native_row in native.rows if native_row.name == row.name for word in native_row.differs.split()
    }
    beside = [word for word in row.differs.split() if word not in native_words and not word.startswith("model.")]
    return "; controlled with ".join(filter(None, (row.keeps.removeprefix("keeps "), ", ".join(beside))))

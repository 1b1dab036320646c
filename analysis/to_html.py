"""The report as one HTML file that needs nothing else: style and pictures are in it, every text is escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape

from analysis import sentences
from analysis.claim_words import HEAD, claim_rows, claims_line
from analysis.plain_table import NOTE, PlainTable
from analysis.report_model import Plot, Report
from analysis.table import COMBINATIONS, Block, Certificate, PrintedValue, Table
from analysis.weights import mixed

STYLE = """
:root{--ink:#1b1f24;--soft:#5b6570;--line:#d7dce1;--ground:#fff;--band:#f5f7f9;--bad:#b3261e}
*{box-sizing:border-box}
body{margin:0 auto;max-width:78rem;padding:1.5rem 1rem 4rem;color:var(--ink);background:var(--ground);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2.6rem 0 .1rem}h3{font-size:1rem;margin:1rem 0 .3rem}
p{margin:.3rem 0}.soft{color:var(--soft);font-size:.87rem}
dl{display:grid;grid-template-columns:fit-content(38%) 1fr;gap:.1rem .8rem;margin:.6rem 0}dd{margin:0}
.summary{padding-left:1.1rem}.summary li{margin:.2rem 0}
.scroll{overflow-x:auto;margin:.8rem 0;border-bottom:1.5px solid var(--ink)}
table{border-collapse:separate;border-spacing:0;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem;overflow-wrap:normal}
th,td{padding:.4rem .55rem;text-align:right;vertical-align:top;white-space:nowrap}
thead th{white-space:normal;vertical-align:bottom;border-top:1.5px solid var(--ink);border-bottom:1px solid var(--ink)}
tbody tr+tr>*{border-top:1px solid var(--line)}
th:first-child{text-align:left;position:sticky;left:0;background:var(--ground);white-space:normal;min-width:8.5rem;overflow-wrap:anywhere}
th small,td small{display:block;color:var(--soft);font-weight:400;font-size:.82em}
.best{font-weight:700}
.hole{display:inline-block;color:var(--soft);white-space:normal;max-width:11rem;font-size:.87em}
.left td,.left th{text-align:left}.claims td{white-space:normal}.claims table{min-width:36rem}
.bad{border-left:4px solid var(--bad);background:#fdeeed;padding:.5rem .8rem;margin:.6rem 0;color:#7a1a14}
.bad ul{margin:.2rem 0;padding-left:1.2rem}
details{margin:.35rem 0;font-size:.87rem}summary{cursor:pointer;color:var(--soft)}
details ul{margin:.3rem 0;padding-left:1.3rem}code{font-size:.92em}
figure{margin:1.6rem 0}figure img{max-width:100%;height:auto;display:block}
figcaption{font-size:.87rem;color:var(--soft);margin-top:.3rem}
@media print{details{display:none}}
"""


def report_html(report: Report) -> str:
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(report.title)}</title><style>{STYLE}</style></head><body>",
        f'<h1>{escape(report.title)}</h1><p class="soft">{escape(report.summary)}</p>',
        _header(report.header),
        _summary(report.tables),
        *(_table(table) for table in report.tables if not table.empty),
        *([f"<h2>{escape(report.plain_title)}</h2>", _plain(report.plain)] if report.plain else []),
        *(["<h2>Plots</h2>", *map(_plot, report.plots)] if report.plots else []),
        *_runs(report.tables),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _header(header: tuple[tuple[str, str], ...]) -> str:
    items = "".join(f"<dt>{escape(title)}</dt><dd>{escape(words)}</dd>" for title, words in header)
    return f'<dl class="soft">{items}</dl>' if header else ""


def _summary(tables: tuple[Table, ...]) -> str:
    def item(table: Table) -> str:
        bad = any(c.broken for c in table.certificates)
        label = escape(table.label)
        link = label if table.empty else f'<a href="#{escape(table.name)}">{label}</a>'
        loud = " <strong>Not fair, see there.</strong>" if bad else ""
        return f"<li>{link}: {escape(claims_line(table))}{loud}</li>"

    items = "".join(map(item, tables))
    return f'<ul class="summary">{items}</ul><p class="soft">{escape(sentences.LEGEND)}</p>' if tables else ""


def _table(table: Table) -> str:
    column = table.single
    head = ["", *table.columns, *(["paired difference of AP"] if column else [])]
    rows = []
    for row in table.rows:
        name = f'<th scope="row">{escape(row.name)}{_small(row.differs)}</th>'
        compared = [c for c in row.versus if c.difference is not None]
        against = "".join(f"{escape(sentences.paired_difference(c))}{_small(f'against {c.against}')}" for c in compared)
        rows.append(f"<tr>{name}{''.join(map(_value, row.values))}{f'<td>{against}</td>' if column else ''}</tr>")
    return "\n".join(
        [
            f'<h2 id="{escape(table.name)}">Table {table.number}. {escape(table.title)}</h2>',
            f'<p class="soft">{escape(sentences.subtitle(table))}</p>',
            _claims(table),
            *map(_block, table.blocks),
            *_folds(table, f'<div class="scroll"><table>{_head(head)}<tbody>{"".join(rows)}</tbody></table></div>'),
            f"<p><strong>{escape(sentences.rankings_line(table))}</strong></p>" * (not table.claims),
            *map(_certificate, table.certificates),
            *(f'<div class="bad"><strong>{escape(sentence)}</strong></div>' for sentence in mixed(table)),
            *(_folded(title, items) for title, items in sentences.details(table)),
        ]
    )


def _folds(table: Table, figures: str) -> Iterable[str]:
    """The combinations behind shares are below a fold."""
    summary = f"<summary>{COMBINATIONS} ({len(table.rows)})</summary>"
    yield f"<details>{summary}{figures}</details>" if table.shares else figures


def _claims(table: Table) -> str:
    rows = "".join(f"<tr>{_texts('td', row)}</tr>" for row in claim_rows(table))
    claims = f'<div class="scroll left claims"><table>{_head(HEAD)}<tbody>{rows}</tbody></table></div>'
    rule = f'<p class="soft">{escape(table.rule)}</p>'
    return f"<p><strong>{escape(claims_line(table))}</strong></p>{claims}{rule}" if rows else ""


def _block(block: Block) -> str:
    rows = "".join(f"<tr>{_texts('td', row)}</tr>" for row in block.rows)
    text = (
        f'<div class="scroll left claims"><table>{_head(block.head)}<tbody>{rows}</tbody></table></div>'
        f'<p class="soft">{escape(block.note)}</p>'
    )
    if block.folded:
        return f"<details><summary>{escape(block.title)} ({len(block.rows)})</summary>{text}</details>"
    return f"<h3>{escape(block.title)}</h3>{text}"


def _value(value: PrintedValue) -> str:
    kind = "hole" if value.ours is None else value.mark
    figure = f'<span class="{kind}">{escape(sentences.our_figure(value))}</span>'
    return f"<td>{figure}{_small(sentences.paper_figure(value))}</td>"


def _certificate(c: Certificate) -> str:
    if not c.broken:
        return f'<p class="soft">{escape(sentences.fairness_line(c))}</p>'
    return f'<div class="bad"><strong>{escape(sentences.fairness_line(c))}</strong>{_list(c.broken)}</div>'


def _folded(title: str, items: list[str]) -> str:
    return f"<details><summary>{escape(title)} ({len(items)})</summary>{_list(items)}</details>"


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _plain(plain: PlainTable) -> str:
    rows = "".join(f"<tr>{_texts('td', row)}</tr>" for row in plain.rows)
    table = f'<div class="scroll left"><table>{_head(plain.head)}<tbody>{rows}</tbody></table></div>'
    text = f'{table}<p class="soft">{escape(NOTE)}</p>' if plain.rows else "<p>No finished runs.</p>"
    return text + "".join(f"<h3>{escape(title)}</h3>{_list(holes)}" for title, holes in plain.holes)


def _plot(plot: Plot) -> str:
    picture = b64encode(plot.png).decode()
    alt = escape(plot.title, quote=True)
    return (
        f'<figure><img alt="{alt}" src="data:image/png;base64,{picture}">'
        f"<figcaption><strong>{escape(plot.title)}.</strong> {escape(plot.caption)}</figcaption></figure>"
    )


def _runs(tables: tuple[Table, ...]) -> Iterable[str]:
    """The run ids of every figure."""
    for table in tables:
        figures = {(row.name, value.runs): None for row in table.rows for value in row.values if value.runs}
        yield _folded(f"Runs of table {table.number}", [f"{name}: {', '.join(runs)}" for name, runs in figures])


def _head(names: Iterable[str]) -> str:
    return f"<thead><tr>{_texts('th', names)}</tr></thead>"


def _texts(tag: str, values: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(value)}</{tag}>" for value in values)


def _small(text: str) -> str:
    return f"<small>{escape(text)}</small>" if text else ""

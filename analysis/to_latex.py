r"""A table as LaTeX: \usepackage{booktabs,xcolor}."""

from __future__ import annotations

from analysis import sentences
from analysis.claim_words import HEAD, claim_rows, claims_line
from analysis.table import Block, PrintedValue, Table

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after \\ it would be an option
    "*": "{*}",
    "±": r"$\pm$",
    "\N{NO-BREAK SPACE}": "~",
    sentences.MINUS: "$-$",
    sentences.MARK: r"$\dagger$",
    sentences.ALONE: r"$\ddagger$",
    "…": r"\dots{}",
}


END = (r"    \bottomrule", r"  \end{tabular}", r"\end{table}")


def escape_latex(text: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in sentences.one_line(text))


def table_latex(table: Table) -> str:
    caption = ". ".join(map(escape_latex, (table.title, sentences.subtitle(table), claims_line(table))))
    head = " & ".join(["", *(escape_latex(name) for name in table.columns)])
    lines = [
        f"% {' '.join(table.command.split())}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{caption}}}",
        rf"  \begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"    \toprule",
        rf"    {head} \\",
        r"    \midrule",
    ]
    for row in table.rows:
        lines.append("    " + " & ".join([escape_latex(row.name), *map(_our_figure, row.values)]) + r" \\")
        below = [rf"\scriptsize {escape_latex(row.differs)}", *map(_paper_figure, row.values)]
        lines.append("    " + " & ".join(below) + r" \\")
    blocks = [line for block in table.blocks for line in _block(block)]
    return "\n".join([*lines, *END, *_claims(table), *blocks, ""])


def _claims(table: Table) -> list[str]:
    """A second float, of the claims and their verdicts."""
    rows = [f"    {' & '.join(map(escape_latex, row))} " + r"\\" for row in claim_rows(table)]
    return [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape_latex(f'{table.title}: {claims_line(table)} {table.rule}')}}}",
        r"  \begin{tabular}{lp{.45\linewidth}rp{.25\linewidth}}",
        r"    \toprule",
        f"    {' & '.join(HEAD)} " + r"\\",
        r"    \midrule",
        *rows,
        *END,
    ] * bool(rows)


def _block(block: Block) -> list[str]:
    head, *rows = (f"    {' & '.join(map(escape_latex, row))} " + r"\\" for row in (block.head, *block.rows))
    return [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape_latex(block.title)}. {escape_latex(block.note)}}}",
        rf"  \begin{{tabular}}{{{'l' * len(block.head)}}}",
        r"    \toprule",
        head,
        r"    \midrule",
        *rows,
        *END,
    ]


def _our_figure(value: PrintedValue) -> str:
    text = escape_latex(sentences.our_figure(value))
    if value.ours is None:
        return rf"{{\scriptsize {text}}}"
    return rf"\textbf{{{text}}}" if value.mark == "best" else text


def _paper_figure(value: PrintedValue) -> str:
    return "" if value.paper is None else rf"\scriptsize\color{{gray}} {escape_latex(sentences.paper_figure(value))}"

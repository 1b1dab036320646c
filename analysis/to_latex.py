r"""A table as LaTeX: \usepackage{booktabs}."""

from __future__ import annotations

from analysis import sentences
from analysis.table import Cell, Table

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
    sentences.MINUS: "$-$",
    sentences.MARK: r"$\dagger$",
    "…": r"\dots{}",
}


def escape(said: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in " ".join(said.split()))


def latex(table: Table) -> str:
    caption = ". ".join(map(escape, (table.title, sentences.subtitle(table), sentences.counted(table))))
    head = " & ".join(["", *(escape(name) for name in table.columns)])
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
        lines.append("    " + " & ".join([escape(row.name), *map(_ours, row.cells)]) + r" \\")
        below = [rf"\scriptsize {escape(row.differs)}", *map(_paper, row.cells)]
        lines.append("    " + " & ".join(below) + r" \\")
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""])


def _ours(cell: Cell) -> str:
    said = escape(sentences.ours(cell))
    if cell.ours is None:
        return rf"{{\scriptsize {said}}}"
    return {"best": rf"\textbf{{{said}}}", "second": rf"\underline{{{said}}}"}.get(cell.mark, said)


def _paper(cell: Cell) -> str:
    return "" if cell.paper is None else rf"\scriptsize {escape(sentences.paper(cell))}"

r"""A table as LaTeX: \usepackage{booktabs}."""

from __future__ import annotations

from analysis import sentences
from analysis.claim_words import claims_line
from analysis.table import PrintedValue, Table

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
    sentences.ALONE: r"$\ddagger$",
    "…": r"\dots{}",
}


def escape_latex(text: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in " ".join(text.split()))


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
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""])


def _our_figure(value: PrintedValue) -> str:
    text = escape_latex(sentences.our_figure(value))
    if value.ours is None:
        return rf"{{\scriptsize {text}}}"
    return rf"\textbf{{{text}}}" if value.mark == "best" else text


def _paper_figure(value: PrintedValue) -> str:
    return "" if value.paper is None else rf"\scriptsize {escape_latex(sentences.paper_figure(value))}"

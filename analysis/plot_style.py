"""An empty plot in the suite's style, and the files it becomes. STYLE is for the caller's `matplotlib.rc_context`."""

from __future__ import annotations

import io

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.report_model import Plot

STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5b6570",
    "axes.grid": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text
    "text.parse_math": False,  # a class may be named $x$
}
DPI = 160


def panels(columns: int, rows: int, width: float, height: float, **sharing) -> tuple[Figure, list[Axes]]:
    """width and height of one panel, inches."""
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **sharing).flat)


def add_legend(figure: Figure, axes: list[Axes]) -> None:
    """One for all panels, below them."""
    handles = {name: h for ax in axes for h, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    if handles:
        columns = min(len(handles), 5 if figure.get_figwidth() > 5.5 else 3)
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns, handlelength=3)


def finish_plot(figure: Figure, name: str, title: str, caption: str, data: pd.DataFrame) -> Plot:
    """PNG and PDF, byte-equal for equal figures."""
    png, pdf = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return Plot(name, title, caption, png.getvalue(), pdf.getvalue(), data)

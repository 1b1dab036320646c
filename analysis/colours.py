"""One colour, line and marker an assigner, the same in every plot; told apart also by colour-blind eyes and in grey."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

Line = str | tuple[int, tuple[int, ...]]  # of matplotlib
# Okabe and Ito 2008; yellow is left out, too pale on white.
OURS = {
    "autoassign": "#D55E00",
    "fcos": "#0072B2",
    "atss": "#009E73",
    "freeanchor": "#CC79A7",
    "retinanet": "#E69F00",
}
OTHERS = ("#56B4E9", "#000000", "#8A6D3B", "#6A51A3")
OUR_LINES: dict[str, Line] = {
    "autoassign": "-",
    "fcos": "--",
    "atss": "-.",
    "freeanchor": ":",
    "retinanet": (0, (7, 2, 1, 2, 1, 2)),
}
LINES = ("--", "-.", ":")
MARKERS = {"autoassign": "o", "fcos": "s", "atss": "^", "freeanchor": "D", "retinanet": "v"}
OTHER_MARKERS = ("P", "X", "*", "<", ">", "h")


@dataclass(frozen=True)
class PlotStyle:
    colour: str
    line: Line
    marker: str


def style_of(assigner: str) -> PlotStyle:
    """Of any name: by the name alone, so that another assigner beside it changes nothing."""
    if assigner in OURS:
        return PlotStyle(OURS[assigner], OUR_LINES[assigner], MARKERS[assigner])
    number = crc32(assigner.encode())
    colour, line = OTHERS[number % len(OTHERS)], LINES[number // 4 % len(LINES)]
    return PlotStyle(colour, line, OTHER_MARKERS[number // 12 % len(OTHER_MARKERS)])

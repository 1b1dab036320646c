"""How Shapley shares read, in any format."""

from __future__ import annotations

import pandas as pd

from analysis import sentences
from analysis.shapley import Shares
from analysis.stats import Mean
from analysis.table import Block

NOTE = (
    f"AP{sentences.PLUS_MINUS}half-width of the 95 % t interval over the seeds. The shares of a row sum to its "
    "difference: each is what the part adds, in the mean over all orders in which parts can be swapped (Shapley)."
)
SWAPS = "What each part adds, swapped first and swapped last"
APART = "Where the two are apart, the part and others act on each other."


def share_blocks(shares: tuple[Shares, ...]) -> tuple[Block, ...]:
    """A row a method, then a row a part of a method."""
    if not shares:
        return ()
    names, reference = _parts(shares), shares[0].of.reference
    head = ("", f"difference from {reference}", *names, "its assignment cannot give up")
    rows = tuple(_row(item, names) for item in shares)
    blocks = [Block(f"Shares of the difference from {reference}", head, rows, NOTE)]
    if swaps := _swaps(shares):
        blocks += [Block(SWAPS, ("", "part", "first", "last"), swaps, APART, folded=True)]
    return tuple(blocks)


def shares_frame(shares: tuple[Shares, ...]) -> pd.DataFrame:
    """A line a method and part; empty where there is no result."""
    return pd.DataFrame([line for item in shares for line in _lines(item)])


def _swaps(shares: tuple[Shares, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (item.of.method, share.part, _figure(share.first), _figure(share.last))
        for item in shares
        for share in item.parts
    )


def _parts(shares: tuple[Shares, ...]) -> list[str]:
    return list(dict.fromkeys(name for item in shares for name in (*item.of.parts, *item.of.kept, *item.of.same)))


def _row(item: Shares, names: list[str]) -> tuple[str, ...]:
    difference = "no result" if item.whole is None else _figure(item.whole)
    return item.of.method, difference, *(_cell(item, name) for name in names), _kept(item)


def _cell(item: Shares, name: str) -> str:
    share = item.share(name)
    if share is not None:
        return _figure(share.mean)
    if name in item.of.kept:
        return f"in {item.of.parts[0]}"
    return f"as {item.of.reference}'s" if name in item.of.same else "no result"


def _kept(item: Shares) -> str:
    """And why there is no result; which rows have none is among the holes."""
    lacking = f"{len(item.missing)} of {len(item.of.rows)} combinations have no run"
    missing = lacking if item.missing else "" if item.whole else "no seed has all runs"
    return "; ".join(
        filter(None, (", ".join((*filter(None, [item.of.keeps.removeprefix("keeps ")]), *item.of.kept)), missing))
    )


def _figure(mean: Mean) -> str:
    return sentences.signed(mean.value) + ("" if mean.half is None else f"{sentences.PLUS_MINUS}{mean.half:.1f}")


def _lines(item: Shares) -> list[dict]:
    """The whole first."""
    figures = [("all", item.whole, None, None)]
    figures += [(share.part, share.mean, share.first, share.last) for share in item.parts]
    return [
        {
            "method": item.of.method,
            "reference": item.of.reference,
            "part": name,
            "share": mean and round(mean.value, 4),
            "half_width_95": mean and mean.half and round(mean.half, 4),
            "first": first and round(first.value, 4),
            "last": last and round(last.value, 4),
            "seeds": mean and mean.n,
        }
        for name, mean, first, last in figures
    ]

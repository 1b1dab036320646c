"""How claims and their verdicts read, in any format."""

from __future__ import annotations

from collections.abc import Iterator

from analysis import sentences
from analysis.expected_seeds import MOST
from analysis.table import VERDICTS, JudgedClaim, Table
from experiments.records.decision_schema import ClaimState
from experiments.records.table_schema import Claim

HEAD = ("verdict", "claim", "paper", "ours")


def claims_line(table: Table) -> str:
    """The verdicts of a table, counted; of a table without claims its rankings."""
    if table.empty:
        return sentences.empty_line(table)
    if not table.claims:
        return sentences.rankings_line(table)
    counts = {verdict: sum(j.verdict == verdict for j in table.claims) for verdict in VERDICTS}
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"{len(table.claims)} claims: {words}. {table.remark}".rstrip()


def claim_rows(table: Table) -> list[tuple[str, ...]]:
    """One a claim, as HEAD."""
    return [(j.verdict, claim_words(j.claim), _published(j.claim), _ours(j)) for j in table.claims]


def claim_words(claim: Claim) -> str:
    """What it compares, and on what."""
    pairs = claim.kind == "difference of differences"
    metric, worse_metric = (
        ", ".join(name.removeprefix("class:") for name in m) for m in (claim.metric, claim.worse_metric)
    )
    better = f"{_side(claim.better, pairs)}{f' in {metric}' if worse_metric else ''}"
    worse = f"{_side(claim.worse, pairs)} in {worse_metric or metric}"
    relation = "no more than a margin from" if claim.kind == "minor difference" else "over"
    return f"{claim.id}: {better} {relation} {worse}, {', '.join(claim.dataset)}"


def _side(rows: tuple[str, ...], pairs: bool) -> str:
    if not pairs:
        return ", ".join(rows)
    gains = [f"{up} less {low}" for up, low in zip(rows[::2], rows[1::2], strict=True)]
    return f"({gains[0]})" if len(gains) == 1 else f"(the mean of {', '.join(gains)})"


def _published(claim: Claim) -> str:
    return "" if claim.kind == "summary" else sentences.signed(claim.published)


def _ours(judged: JudgedClaim) -> str:
    """The difference with the interval that was judged, and what is to be known of it."""
    words = [] if judged.state is None else list(_state(judged.state, judged.mixed))
    words += [f"with the other reading of the paper {reading.verdict}: {_read(reading)}" for reading in judged.others]
    return "; ".join([*words, *filter(None, [judged.note])])


def _state(state: ClaimState, mixed: bool) -> Iterator[str]:
    if state.mean is None:
        yield "before the first look"
        return
    yield f"{_read(state)}{sentences.MARK if mixed else ''}, {state.seeds} seed{'' if state.seeds == 1 else 's'}"
    if state.is_open and state.settled:
        yield f"about {state.settled} seeds in all would settle it"
    elif state.is_open:
        yield f"not even {MOST} seeds would settle it, as the noise is"


def _read(state: ClaimState) -> str:
    if state.mean is None:
        return "no run"
    return sentences.interval(state.mean, state.low, state.high, state.noise)

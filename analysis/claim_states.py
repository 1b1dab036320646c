"""The claims of a table after the looks that its runs allow: verdicts, intervals, and the seeds that are expected.

All follows from the records, so that whoever asks again, after a crash too, gets the same answer: the report and
`run.py --until-decided` both ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from analysis.draws import Draws
from analysis.effects import Effect, Runs, Term, effect_of, estimates_of
from analysis.expected_seeds import Need, expected_seeds, settled
from analysis.rule import OPEN, SPENT, WORDS, Looks, Margins, verdicts
from analysis.stats import LEVEL, half_width
from experiments.records.decision_schema import ClaimState, TableStates
from experiments.records.table_schema import Claim, TableRecord

DIFFERS = "differs by reading"
EXPECTED = ("confirmed", "contradicted", "equivalent", "settled")  # numbers of seeds


@dataclass(frozen=True, eq=False)
class ClaimReading:
    """A claim with the rows of one reading of the paper."""

    claim: Claim
    effect: Effect
    can_run: bool  # known before any run: what cannot has no share of the table's error rate
    complete: bool  # no run of a seed that all its rows were given lacks a result


@dataclass(frozen=True)
class Judged:
    reading: ClaimReading
    state: ClaimState


def table_states(table: TableRecord, runs: Runs, looks: Looks, draws: Draws) -> TableStates:
    """Of all claims but summaries. runs: that count."""
    claims = judged_readings(table, runs, looks, draws)
    rows = {
        cell[:2]: None
        for claim in claims
        for item in claim
        if item.state.is_open
        for cell in item.reading.effect.weights
    }
    return TableStates(table.name, tuple(rows), tuple(combined([item.state for item in claim]) for claim in claims))


def judged_readings(table: TableRecord, runs: Runs, looks: Looks, draws: Draws) -> list[list[Judged]]:
    """Of each claim that is no summary, by reading; all of them are one family."""
    claims = [list(_readings(table, claim, runs, draws)) for claim in table.claims if claim.kind != "summary"]
    able = [reading for readings in claims for reading in readings if reading.can_run]
    states = iter(
        _States(able, looks, sorted({s for r in table.rows for e in r.entries.values() for s in e.runs})).all()
    )
    return [[Judged(r, next(states) if r.can_run else _nothing(r.claim)) for r in readings] for readings in claims]


def combined(states: list[ClaimState]) -> ClaimState:
    """Of the readings of a claim: what settles it must settle all."""
    needs = {name: [getattr(state, name) for state in states] for name in EXPECTED}
    needs = {name: None if None in seeds else max(seeds) for name, seeds in needs.items()}
    return replace(states[0], verdict=_joint(states), is_open=any(state.is_open for state in states), **needs)


def _joint(states: list[ClaimState]) -> str:
    """Two verdicts that differ are the verdict; a reading that is open leaves it open; one not judged says nothing."""
    judged = {state.verdict for state in states if state.look}
    decided = judged - {WORDS[OPEN]}
    if len(decided) > 1:
        return DIFFERS
    if judged != decided:
        return WORDS[OPEN]
    return next(iter(decided), states[0].verdict)


def terms_of(claim: Claim, entry: str) -> tuple[Term, ...]:
    """Of one claim that is no summary: their weighted sum is its difference."""
    pairs = claim.kind == "difference of differences"
    worse = claim.worse_metric or claim.metric
    return (*_side(1, claim.better, claim.metric, pairs, entry), *_side(-1, claim.worse, worse, pairs, entry))


def _side(sign: int, rows: tuple[str, ...], metrics: tuple[str, ...], pairs: bool, entry: str) -> Iterator[Term]:
    """A row, or the mean over pairs of rows of the first less the second."""
    share = 2 / len(rows) if pairs else 1
    for i, row in enumerate(rows):
        yield Term(sign * share * (-1 if pairs and i % 2 else 1), row, entry, metrics)


def _readings(table: TableRecord, claim: Claim, runs: Runs, draws: Draws) -> Iterator[ClaimReading]:
    """The claim as it is; then with each row that stands for another reading of one of its rows."""
    yield _reading(table, claim, runs, draws)
    for row in table.rows:
        if row.reading_of in (*claim.better, *claim.worse):
            better, worse = (
                tuple(row.name if name == row.reading_of else name for name in names)
                for names in (claim.better, claim.worse)
            )
            yield _reading(table, replace(claim, better=better, worse=worse), runs, draws)


def _reading(table: TableRecord, claim: Claim, runs: Runs, draws: Draws) -> ClaimReading:
    key, rows = table.entry_of(claim.dataset[0]), {row.name: row for row in table.rows}
    planned = [
        set(rows[n].entries[key].runs) if key in rows[n].entries else set() for n in (*claim.better, *claim.worse)
    ]
    effect = effect_of(terms_of(claim, key), runs, draws)
    return ClaimReading(claim, effect, all(planned), set.intersection(*planned) <= effect.by_seed.keys())


def _nothing(claim: Claim) -> ClaimState:
    return ClaimState(claim.id, "no result", 0, 0, False)


class _States:
    """The looks, taken one after the other."""

    def __init__(self, readings: list[ClaimReading], looks: Looks, seeds: list[int]):
        self.readings, self.looks, count = readings, looks, len(readings)
        self.effects = [reading.effect for reading in readings]
        self.margins = Margins(
            np.array([reading.claim.margin for reading in readings]),
            np.array([reading.claim.kind == "minor difference" for reading in readings], bool),
        )
        self.codes, self.half = np.full(count, OPEN), np.full(count, np.inf)
        self.mean, self.look, self.seeds = np.zeros(count), np.zeros(count, int), np.zeros(count, int)
        self.now = estimates_of(self.effects, seeds)
        for look, number in enumerate(looks.seeds, 1):
            self._take(look, seeds if looks.fixed else seeds[:number], number)

    def _take(self, look: int, seeds: list[int], number: int) -> None:
        """Nothing where no open claim has all seeds of the look."""
        counts = np.array([len(effect.of(seeds)) for effect in self.effects])
        ready = ((counts > 0) if self.looks.fixed else (counts == number)) & (self.codes == OPEN)
        if not ready.any():
            return
        self.now = estimates_of(self.effects, seeds)
        mean, half = self.now.mean[0], self.now.half(self.looks.level(look, len(counts)))[0]
        self.codes = np.where(ready, verdicts(mean - half, mean + half, self.margins), self.codes)
        self.half, self.mean = np.where(ready, half, self.half), np.where(ready, mean, self.mean)
        self.look, self.seeds = np.where(ready, look, self.look), np.where(ready, counts, self.seeds)

    def all(self) -> Iterator[ClaimState]:
        return map(self._of, range(len(self.readings)))

    def _of(self, i: int) -> ClaimState:
        reading, looked = self.readings[i], self.look[i] > 0
        is_open = looked and self.codes[i] == OPEN and reading.complete and np.isfinite(self.half[i])
        mean = float(self.mean[i]) if looked else None
        half, noise = self._shown(i) if looked else (np.inf, "")
        return ClaimState(
            id=reading.claim.id,
            verdict=WORDS[self.codes[i]],
            look=int(self.look[i]),
            seeds=int(self.seeds[i]),
            is_open=bool(is_open),
            mean=mean,
            low=mean - half if np.isfinite(half) else None,
            high=mean + half if np.isfinite(half) else None,
            **self._expected(i, reading.claim, mean if is_open else None),
            noise=noise,
        )

    def _shown(self, i: int) -> tuple[float, str]:
        """Half-width, and of which noise: one seed has that of the images alone, which gives no verdict."""
        has_images = bool(self.effects[i].drawn)
        if np.isfinite(self.half[i]):
            return float(self.half[i]), "seeds and images" if has_images else "seeds"
        level = self.looks.level(int(self.look[i]), len(self.readings))
        half = half_width(level, (self.now.images[0, i], self.now.images_freedom[0, i]))
        return (float(half), "images") if has_images else (np.inf, "")

    def _expected(self, i: int, claim: Claim, mean: float | None) -> dict[str, int | None]:
        """By name of the field; nothing where the table's noise is not known. mean: of an open claim."""
        now, level = self.now, SPENT * LEVEL / len(self.readings)
        if not now.freedom[0, i]:
            return {}
        measured = (
            now.variance[0, i],
            now.freedom[0, i],
            now.seeds[i],
            level,
            now.images[0, i],
            now.images_freedom[0, i],
        )
        need, minor = Need(*map(float, measured)), claim.kind == "minor difference"
        seeds = asdict(expected_seeds(need, claim.published, claim.margin, minor))
        return seeds | {"settled": None if mean is None else settled(need, mean, claim.margin, minor)}

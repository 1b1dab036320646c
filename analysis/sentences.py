"""How figures read, in any format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from analysis.table import OUTCOMES, Certificate, Comparison, PrintedValue, Ranking, RowDifference, Table
from analysis.weights import weight_lines

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"
MARK = "†"  # of another recipe
REASONS = 3  # of the holes of an empty table
ALONE = "‡"  # noise of the images alone
LEGEND = (
    f"Percent, mean over the seeds{PLUS_MINUS}half-width of the 95 % t interval; below it the paper's figure, "
    "and on its own data the difference. "
    "In bold: a mean that beats all others beyond noise. "
    f"A paired difference is over shared seeds and images,{PLUS_MINUS}95 % of each by itself. "
    f"{MARK}: another recipe than the table's. {ALONE}: one seed, the noise of its images alone."
)


def one_line(text: str) -> str:
    """White space as single spaces; a no-break space stays."""
    return re.sub(r"[^\S\u00a0]+", " ", text).strip(" ")


def number(value: float) -> str:
    return f"{_one_decimal(value):.1f}".replace("-", MINUS)


def signed(value: float) -> str:
    return f"{_one_decimal(value):+.1f}".replace("-", MINUS)


def _one_decimal(value: float) -> float:
    return round(value, 1) + 0.0  # never -0.0


def our_figure(value: PrintedValue) -> str:
    """Our figure with its noise, or why there is none."""
    if value.ours is None:
        return value.hole
    alone = ALONE if value.ours.noise == "images" else ""
    half = "" if value.ours.half is None else f"{PLUS_MINUS}{value.ours.half:.1f}{alone}"
    return number(value.ours.value) + half + (MARK if value.mixed else "")


def paper_figure(value: PrintedValue) -> str:
    """The paper's figure and ours less it."""
    if value.paper is None:
        return ""
    return number(value.paper) + ("" if value.difference is None else f", {signed(value.difference)}")


def seeds_line(table: Table) -> str:
    counts = " or ".join(map(str, table.seeds)) or "no"
    line = f"{counts} seed{'' if table.seeds == (1,) else 's'} a figure"
    return f"{line} ({', '.join(_seeds_of_rows(table))})" if len(table.seeds) > 1 else line


def _seeds_of_rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        if counts := sorted({value.ours.n for value in row.values if value.ours}):
            yield f"{row.name} {' or '.join(map(str, counts))}"


def subtitle(table: Table) -> str:
    words = [f"profile {table.profile}" if table.profile else "", ", ".join(table.data), seeds_line(table)]
    return "; ".join(filter(None, words))


def paired_difference(c: Comparison) -> str:
    """A paired difference with its half-width, and of which noise that is where one is not known."""
    if c.difference is None:
        return c.note
    half = "" if c.difference.half is None else f"{PLUS_MINUS}{c.difference.half:.1f}{of_noise(c.difference.noise)}"
    return f"{signed(c.difference.value)}{half}{MARK if c.mixed else ''}"


def of_noise(noise: str) -> str:
    """Which noise alone an interval covers."""
    return "" if noise == "seeds and images" else f" ({noise} alone)"


def interval(mean: float, low: float | None, high: float | None, noise: str) -> str:
    return signed(mean) if low is None else f"{signed(mean)}, {signed(low)} to {signed(high)}{of_noise(noise)}"


def versus(table: Table, c: Comparison) -> str:
    """Which rows, and on which data where the table has several."""
    return f"{c.row} against {c.against}" + ("" if table.single else f" on {c.entry}")


def rankings_line(table: Table) -> str:
    """The outcome of a table's rankings in a sentence; of a table of shares, those of the assignment."""
    if table.shares:
        return shares_line(table)
    counts = {outcome: sum(r.outcome == outcome for r in table.rankings) for outcome in OUTCOMES}
    total = len(table.rankings)
    if not total:
        return "The paper ranks no two rows of it."
    leaning = sum(r.outcome == "inconclusive" and r.ours.difference.value > 0 for r in table.rankings)
    remark = f" ({leaning} of these lean as in the paper)" if counts["inconclusive"] else ""
    sentence = (
        f"{counts['confirmed']} of {total} rankings of the paper are confirmed beyond noise, "
        f"{counts['contradicted']} are contradicted, {counts['inconclusive']} are inconclusive{remark}"
    )
    return sentence + (f", {counts['no result']} have no result." if counts["no result"] else ".")


def shares_line(table: Table) -> str:
    told = [(item, item.parts[0]) for item in table.shares if item.whole]
    words = (f"{i.of.method} {signed(share.mean.value)} of {signed(i.whole.value)}" for i, share in told)
    reference = table.shares[0].of.reference
    return f"AP due to the assignment, of the difference from {reference}: {', '.join(words) or 'no result'}."


def ranking_line(table: Table, ranking: Ranking) -> str:
    several = len({r.ours.entry for r in table.rankings}) > 1
    where = f" on {ranking.ours.entry}" if several else ""
    claim = f"{ranking.ours.row} over {ranking.ours.against}{where}: paper {signed(ranking.paper)}"
    return claim if ranking.ours.difference is None else f"{claim}, ours {paired_difference(ranking.ours)}"


def empty_line(table: Table) -> str:
    """Of a table without any figure: how many runs are missing, by reason."""
    counts = Counter(hole.reason for hole in table.holes)
    reasons = "; ".join(f"{reason} ({count})" for reason, count in counts.most_common(REASONS))
    more = f"; {len(counts) - REASONS} other reasons" if len(counts) > REASONS else ""
    return f"planned, no result yet: {reasons}{more}."


def hole_lines(table: Table) -> list[str]:
    """One line a row and reason, its seeds together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for hole in table.holes:
        groups.setdefault((hole.row, hole.reason), []).append(hole.run)
    return [f"{row}: {reason}" + f" ({'; '.join(runs)})" * any(runs) for (row, reason), runs in groups.items()]


def noise_notes(table: Table) -> list[str]:
    """Which noise is not known in the comparisons, each sentence once."""
    items = [*table.compared, *(r.ours for r in table.rankings)]
    return list(dict.fromkeys(c.note for c in items if c.note and c.difference is not None))


def listed_differences(table: Table) -> list[str]:
    """The comparisons that are not in a column of the table."""
    return [] if table.single else [f"{versus(table, c)}: {paired_difference(c)}" for c in table.compared]


def fairness_line(certificate: Certificate) -> str:
    where = "" if certificate.entry == "main" else f" on {certificate.entry}"
    if certificate.broken:
        return f"NOT FAIR{where}: the rows do not share what they must."
    return (
        f"Fair{where}: the {len(certificate.rows)} rows share all {len(certificate.shared)} hashes and differ only in "
        "what is listed below."
    )


def details(table: Table) -> list[tuple[str, list[str]]]:
    """What a reader of the table alone does not need: titles and their sentences."""
    outcomes = [f"{r.outcome}: " * (not table.claims) for r in table.rankings]
    rankings = [outcome + ranking_line(table, r) for outcome, r in zip(outcomes, table.rankings, strict=True)]
    by_itself = "Pairs that the paper ranks, each interval by itself"
    sections = [
        ("Holes", hole_lines(table)),
        ("Paired differences of AP", listed_differences(table)),
        (by_itself if table.claims else "Rankings, and the outcome of each", rankings),
        ("Noise that is not known", noise_notes(table)),
    ]
    for c in table.certificates:
        where = "" if c.entry == "main" else f" on {c.entry}"
        lines = [*shared_lines(c), *map(differs_line, c.differences)]
        sections.append((f"What the rows share and how they differ{where}", lines))
    sections.append(("Weights that the rows start from", weight_lines(table)))
    sections.append(("How the settings of each method were found", list(table.tuning)))
    sections.append(("Command", [table.command] * bool(table.command)))
    return [(title, items) for title, items in sections if items]


def shared_lines(certificate: Certificate) -> list[str]:
    return [f"shared: {item.name} {' '.join(item.hashes)}" for item in certificate.shared if not item.broken]


def differs_line(item: RowDifference) -> str:
    return f"different: {item.name}: " + "; ".join(f"{value} ({', '.join(rows)})" for value, rows in item.values)

"""How figures read, in any format."""

from __future__ import annotations

from analysis.table import Cell, Certificate, Comparison, Difference, Order, Table

MINUS = "\N{MINUS SIGN}"
MARK = "†"  # of another recipe
LEGEND = (
    "Percent, mean over the seeds ± half-width of the 95 % t interval; below it the paper's figure and the difference. "
    "Best in bold, second underlined; what lies within noise of the first of a place shares its mark. "
    f"{MARK}: another recipe than the table's."
)
VERDICTS = ("agrees", "disagrees", "cannot tell", "no result")


def number(value: float) -> str:
    return f"{_one_decimal(value):.1f}".replace("-", MINUS)


def signed(value: float) -> str:
    return f"{_one_decimal(value):+.1f}".replace("-", MINUS)


def _one_decimal(value: float) -> float:
    return round(value, 1) + 0.0  # never -0.0


def ours(cell: Cell) -> str:
    """Our figure with its noise, or why there is none."""
    if cell.ours is None:
        return cell.hole
    half = "" if cell.ours.half is None else f" ± {cell.ours.half:.1f}"
    return number(cell.ours.value) + half + (MARK if cell.mixed else "")


def paper(cell: Cell) -> str:
    """The paper's figure and ours less it."""
    if cell.paper is None:
        return ""
    return number(cell.paper) + ("" if cell.difference is None else f", {signed(cell.difference)}")


def seeds(table: Table) -> str:
    counts = " or ".join(map(str, table.seeds)) or "no"
    return f"{counts} seed{'' if table.seeds == (1,) else 's'} a figure"


def subtitle(table: Table) -> str:
    said = [f"profile {table.profile}" if table.profile else "", ", ".join(table.data), seeds(table)]
    return "; ".join(filter(None, said))


def difference(found: Comparison) -> str:
    """A paired difference with its interval and p value."""
    if found.found is None:
        return found.note
    half = "" if found.found.half is None else f" ± {found.found.half:.1f}"
    p = "" if found.p is None else f", p {small(found.p)}"
    return f"{signed(found.found.value)}{half}{p}{MARK if found.mixed else ''}"


def small(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def versus(table: Table, found: Comparison) -> str:
    """Which rows, and on which data where the table has several."""
    return f"{found.row} against {found.against}" + ("" if table.single else f" on {found.cell}")


def counted(table: Table) -> str:
    """The verdict on the table in a sentence."""
    counts = {v: sum(order.verdict == v for order in table.orders) for v in VERDICTS}
    total = len(table.orders)
    if not total:
        return "The paper orders no two rows of it."
    way = sum(order.verdict == "cannot tell" and order.ours.found.value > 0 for order in table.orders)
    leaning = f" ({way} of these lean as in the paper)" if counts["cannot tell"] else ""
    said = [
        f"{counts['agrees']} of {total} orders of the paper hold beyond noise",
        f"{counts['disagrees']} are reversed",
        f"{counts['cannot tell']} the seeds cannot tell" + leaning,
    ]
    return ", ".join(said) + (f", {counts['no result']} have no result." if counts["no result"] else ".")


def order(table: Table, item: Order) -> str:
    several = len({o.ours.cell for o in table.orders}) > 1
    where = f" on {item.ours.cell}" if several else ""
    said = f"{item.ours.row} over {item.ours.against}{where}: paper {signed(item.paper)}"
    return said if item.ours.found is None else f"{said}, ours {difference(item.ours)}"


def holes(table: Table) -> list[str]:
    """One line a row and reason, its seeds together."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in table.holes:
        found.setdefault((item.row, item.reason), []).append(item.what)
    return [f"{row}: {why}" + f" ({'; '.join(whats)})" * any(whats) for (row, why), whats in found.items()]


def notes(table: Table) -> list[str]:
    """What is not known of the comparisons, each once."""
    found = [*table.compared, *(o.ours for o in table.orders)]
    kept = dict.fromkeys(c.note for c in found if c.note and c.found is not None)
    return list(kept)


def listed(table: Table) -> list[str]:
    """The comparisons that are not in a column of the table."""
    return [] if table.single else [f"{versus(table, c)}: {difference(c)}" for c in table.compared]


def verdict(certificate: Certificate) -> str:
    where = "" if certificate.cell == "main" else f" on {certificate.cell}"
    if certificate.broken:
        return f"NOT FAIR{where}: what the rows must share, they do not."
    count = len(certificate.shared)
    return f"Fair{where}: {len(certificate.rows)} rows agree in all {count} hashes, and differ in what is listed alone."


def details(table: Table) -> list[tuple[str, list[str]]]:
    """What a reader of the table alone does not need: titles and their sentences."""
    orders = [f"{o.verdict}: {order(table, o)}" for o in table.orders]
    parts = [
        ("Holes", holes(table)),
        ("Paired differences of AP", listed(table)),
        ("Orders, and what the seeds say of each", orders),
        ("What is not known of the noise", notes(table)),
    ]
    for c in table.certificates:
        where = "" if c.cell == "main" else f" on {c.cell}"
        parts.append((f"What the rows share and how they differ{where}", [*shared(c), *map(differs, c.differences)]))
    return [(title, items) for title, items in [*parts, ("Command", [table.command] * bool(table.command))] if items]


def shared(certificate: Certificate) -> list[str]:
    return [f"shared: {item.name} {' '.join(item.hashes)}" for item in certificate.shared if not item.broken]


def differs(item: Difference) -> str:
    return f"different: {item.what}: " + "; ".join(f"{value} ({', '.join(rows)})" for value, rows in item.values)

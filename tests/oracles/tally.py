"""How many comparisons with an oracle could not be made: a line at the end of the session, so that nobody overlooks it.

A test notes what became of its comparison among its properties, which reach the summary from xdist's processes, too.
"""

from __future__ import annotations

from collections.abc import Iterable

PROPERTY = "oracle comparison"  # of a test: COMPARED or SKIPPED
COMPARED, SKIPPED = "compared", "skipped"


def summary(reports: Iterable[object]) -> str:
    """The line on the reports of a session, pytest's and others; "" where none compared anything."""
    calls = [report for report in reports if getattr(report, "when", "") == "call"]  # three reports tell of a test
    outcomes = [value for report in calls for name, value in report.user_properties if name == PROPERTY]
    return f"oracle comparisons skipped: {outcomes.count(SKIPPED)} of {len(outcomes)}" if outcomes else ""

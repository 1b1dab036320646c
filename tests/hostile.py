"""Hostile bytes and values for hypothesis to draw, and how many of them a test tries.

$ASSIGNBENCH_FUZZ_EXAMPLES sets the number of inputs of a test, new ones each time; `make soak` sets it high.
"""

import os
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = os.environ.get("ASSIGNBENCH_FUZZ_EXAMPLES")
HANG = timedelta(seconds=10)  # a hang, not a slow machine
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((0, -1, 2**70, 10**400, "3"))
    | st.floats()
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def fuzz(examples: int, deadline: timedelta | None = None) -> settings:
    """The same `examples` inputs each time; as many as the soak asks for, and new ones, where it asks."""
    return settings(
        max_examples=int(EXAMPLES or examples),
        deadline=deadline,
        database=None,
        derandomize=EXAMPLES is None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damaged(draw, good: bytes) -> bytes:
    """The bytes of a good file, some of them cut out, written over, doubled or foreign; or any bytes at all."""
    data = bytearray(good)
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(data)))
        last = min(len(data), first + draw(st.sampled_from((0, 1, 2, 8, 100, len(good)))))
        data[first:last] = draw(
            st.one_of(st.binary(max_size=9), st.just(bytes(data[last:first:-1])), st.just(b"[" * 3000))
        )
    return bytes(data)


@st.composite
def changed(draw, good: dict) -> dict:
    """A good dictionary, some values of which are anything, or are not there."""
    values = dict(good)
    for key in draw(st.lists(st.sampled_from(sorted(good)), max_size=3)):
        if isinstance(values.get(key), dict) and values[key] and draw(st.booleans()):
            values[key] = draw(changed(values[key]))
        elif draw(st.booleans()):
            values[key] = draw(JSON)
        else:
            values.pop(key, None)
    return values

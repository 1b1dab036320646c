"""The processes of a run, from the inside."""

import pytest

from experiments.runtime.processes import join_processes


def test_errors_of_other_kinds_are_not_hidden():
    with pytest.raises(RuntimeError, match="of ours"), join_processes():
        raise RuntimeError("a fault of ours")

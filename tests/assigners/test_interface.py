"""The contract refuses what would be misread."""

import pytest
import torch

import assigners
from assigners.interface import Assignment, Branch, HeadSpec, Objects


@pytest.mark.parametrize("names", [("logits",), ("type",), ("spec",), ("_rows",), ("a", "a"), ("not a name",)])
def test_a_branch_needs_a_name_of_its_own(names):
    with pytest.raises(assigners.AssignerError, match="cannot be called"):
        HeadSpec(branches=tuple(Branch(name) for name in names))


@pytest.mark.parametrize(("cls", "count"), [(Objects, 6), (Assignment, 6)])
def test_objects_and_assignments_take_names_only(cls, count):
    """Six tensors in a row would be swapped unnoticed."""
    with pytest.raises(TypeError, match="positional"):
        cls(*[torch.zeros(0)] * count)

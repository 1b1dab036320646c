"""`run.py --heads`: a table with each method's own head, or with the style of one head for all."""

from __future__ import annotations

from dataclasses import replace

import assigners
from experiments.grid.matrices import Matrix
from experiments.recipes.recipe import Recipe

CONTROLLED = {"autoassign": "AutoAssign", "fcos": "FCOS*"}  # whose head all rows may get: neither plays at home only


def under_head(matrix: Matrix, head: str) -> Matrix:
    """head: native, or one of CONTROLLED. What a row sets itself comes after it."""
    if head == "native":
        return matrix
    words = ("model.mode=controlled", f"model.reference={head}")
    rows = tuple(replace(row, set=(*words, *row.set, *row.controlled)) for row in matrix.rows)
    return replace(
        matrix, title=f"{matrix.title}, all with the head of {CONTROLLED[head]}", head=head, rows=rows, tuned=False
    )


def kept(recipe: Recipe) -> str:
    """What the method of a controlled run cannot give up, in words; "" of a native run."""
    if recipe.model.mode == "native":
        return ""
    assigner = assigners.build(recipe.assigner, 1, recipe.model.channels, **dict(recipe.settings))
    spec = assigner.spec()
    priors, branches = len(spec.scales) * len(spec.ratios), " and ".join(b.name for b in spec.branches)
    return (
        f"keeps {type(assigner.loss).__name__}, {priors} prior{'s' * (priors > 1)} a cell, {spec.coder} coder, "
        f"{branches or 'no further'} branch"
    )

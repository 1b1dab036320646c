"""`run.py --heads`: a table with each method's own head, or with the style of one head for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

import assigners
from assigners.interface import HeadSpec
from detector.config import REFERENCE
from experiments.grid.matrices import Matrix, Profile, load_matrix
from experiments.recipes.recipe import Recipe

CONTROLLED = {"autoassign": "AutoAssign", REFERENCE: "FCOS*"}  # whose head all rows may get: neither is always at home


def matrices_under(tables: Iterable[int], heads: Iterable[str], profile: Profile) -> Iterator[Matrix]:
    """Of each table and head once; one whose rows say themselves whose head they have, once in all."""
    seen = set()
    for number, head in product(tables, heads):
        matrix = under_head(load_matrix(number, profile), head)
        if (number, matrix.head) not in seen:
            seen.add((number, matrix.head))
            yield matrix


def under_head(matrix: Matrix, head: str) -> Matrix:
    """head: native, or one of CONTROLLED. What a row sets itself comes after it."""
    if head == "native" or matrix.attributions:
        return matrix
    words = ("model.mode=controlled", f"model.reference={head}")
    rows = tuple(replace(row, set=(*words, *row.set, *row.controlled)) for row in matrix.rows)
    return replace(
        matrix, title=f"{matrix.title}, all with the head of {CONTROLLED[head]}", head=head, rows=rows, tuned=False
    )


def kept(recipe: Recipe) -> str:
    """What the method of a controlled run cannot give up, in words; "" of a native run."""
    return "" if recipe.model.mode == "native" else kept_of(recipe)


def kept_of(recipe: Recipe) -> str:
    """What its method cannot give up for another head, in words."""
    assigner = assigners.build(recipe.assigner, 1, recipe.model.channels, **dict(recipe.settings))
    spec = assigner.spec()
    priors, branches = len(spec.scales) * len(spec.ratios), " and ".join(b.name for b in spec.branches)
    return (
        f"keeps {type(assigner.loss).__name__}, {priors} prior{'s' * (priors > 1)} a cell, {spec.coder} coder, "
        f"{branches or 'no further'} branch{f', head {spec.variant}' * (spec.variant != HeadSpec.variant)}"
    )

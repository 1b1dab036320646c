"""Names of the methods, and how one is built. A method is loaded when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

METHODS = {
    "retinanet": "assigners.retinanet:RetinaNet",
    "fcos": "assigners.fcos:FCOS",
    "atss": "assigners.atss:ATSS",
    "freeanchor": "assigners.freeanchor:FreeAnchor",
    "autoassign": "assigners.autoassign:AutoAssign",
}


def available() -> list[str]:
    """The names that `get` takes."""
    return list(METHODS)


def get(name: str) -> type:
    """The class of a method. KeyError for a name that is not known."""
    module, cls = METHODS[name].split(":")
    return getattr(import_module(module), cls)


def build(name: str, num_classes: int, **settings):
    """The method with its settings; those of its loss are written `loss.alpha`."""
    own = {key: value for key, value in settings.items() if "." not in key}
    assigner = get(name)(num_classes, **own)
    inner = {key.removeprefix("loss."): value for key, value in settings.items() if key.startswith("loss.")}
    assigner.loss = replace(assigner.loss, **inner)
    return assigner

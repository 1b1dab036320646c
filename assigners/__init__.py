"""Names of the methods, and how one is built. A method is loaded when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path

METHODS = {
    "retinanet": "assigners.retinanet:RetinaNet",
    "fcos": "assigners.fcos:FCOS",
    "atss": "assigners.atss:ATSS",
    "freeanchor": "assigners.freeanchor:FreeAnchor",
    "autoassign": "assigners.autoassign:AutoAssign",
}
GROUP = "assignbench.assigners"  # entry points of installed packages, NAME = "MODULE:CLASS"
OWN = ".py:"  # what only FILE.py:CLASS holds


class AssignerError(LookupError):
    """Says which assigner cannot be had, and what to do."""


def _known() -> dict[str, str]:
    """Ours and the installed ones; a name of ours stays ours."""
    return METHODS | {point.name: point.value for point in entry_points(group=GROUP)} | METHODS


def available() -> list[str]:
    """The names that `get` takes, beside FILE.py:CLASS."""
    return list(_known())


def get(name: str) -> type:
    """The class of a method: one of `available`, or FILE.py:CLASS. Raises AssignerError."""
    from assigners.plugin import find

    known = _known()
    place = name if OWN in name else known.get(name)
    if place is None:
        near = "".join(f" Did you mean '{n}'?" for n in get_close_matches(name, known, n=1, cutoff=0.4))
        raise AssignerError(f"Unknown assigner '{name}'.{near} Known: {', '.join(known)}; yours is FILE.py:CLASS.")
    return find(place)


def version(name: str) -> str:
    """The name; of FILE.py:CLASS, the class and a digest of the file's text, not of what it imports. Raises OSError."""
    path, _, cls = name.rpartition(":")
    return f"{cls}@{sha256(Path(path).read_bytes()).hexdigest()[:12]}" if OWN in name else name


def build(name: str, num_classes: int, **settings):
    """The method with its settings; those of its loss are written `loss.alpha`. Raises AssignerError."""
    own = {key: value for key, value in settings.items() if "." not in key}
    assigner = get(name)(num_classes, **own)
    inner = {key.removeprefix("loss."): value for key, value in settings.items() if key.startswith("loss.")}
    assigner.loss = replace(assigner.loss, **inner)
    return assigner

"""Names of the methods, and how one is built. A method is loaded when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path

from assigners.errors import AssignerError

METHODS = {  # name -> MODULE:CLASS
    "retinanet": "assigners.retinanet:RetinaNet",
    "fcos": "assigners.fcos:FCOS",
    "atss": "assigners.atss:ATSS",
    "freeanchor": "assigners.freeanchor:FreeAnchor",
    "plain_fcos": "assigners.plain_fcos:PlainFCOS",
    "fsaf": "assigners.fsaf:FSAF",
    "sapd": "assigners.sapd:SAPD",
    "noisy_anchors": "assigners.noisy_anchors:NoisyAnchors",
    "autoassign": "assigners.autoassign:AutoAssign",
    "guidedanchoring": "assigners.guidedanchoring:GuidedAnchoring",
    "metaanchor": "assigners.metaanchor:MetaAnchor",
}
GROUP = "assignbench.assigners"  # entry points of installed packages, NAME = "MODULE:CLASS"
FILE_MARK = ".py:"  # what only FILE.py:CLASS holds


def installed() -> dict[str, str]:
    """Name -> MODULE:CLASS of the methods that installed packages add; a name of METHODS stays ours."""
    return {point.name: point.value for point in entry_points(group=GROUP) if point.name not in METHODS}


def available() -> list[str]:
    """The names that `get` takes, beside FILE.py:CLASS."""
    return [*METHODS, *installed()]


def location(name: str) -> str:
    """MODULE:CLASS or FILE.py:CLASS of a method, without loading it. Raises AssignerError for an unknown name."""
    if FILE_MARK in name or name in METHODS:
        return METHODS.get(name, name)
    methods = METHODS | installed()
    if name not in methods:
        near = "".join(f" Did you mean '{n}'?" for n in get_close_matches(name, methods, n=1, cutoff=0.4))
        raise AssignerError(f"Unknown assigner '{name}'.{near} Known: {', '.join(methods)}; yours is FILE.py:CLASS.")
    return methods[name]


def get(name: str) -> type:
    """The class of a method: one of `available`, or FILE.py:CLASS. Raises AssignerError."""
    from assigners.plugin import load_class  # takes torch

    return load_class(location(name))


def version(name: str) -> str:
    """The name; of FILE.py:CLASS, the class and a digest of the file's text, not of what it imports. Raises OSError."""
    path, _, cls = name.rpartition(":")
    return f"{cls}@{sha256(Path(path).read_bytes()).hexdigest()[:12]}" if FILE_MARK in name else name


def build(name: str, num_classes: int, channels: int = 256, **settings):
    """The method with its settings; those of its loss are written `loss.alpha`. Raises AssignerError.

    channels: of the pyramid, for a method that has layers of its own on it.
    """
    of_loss = {key.removeprefix("loss."): value for key, value in settings.items() if key.startswith("loss.")}
    of_method = {key: value for key, value in settings.items() if not key.startswith("loss.")}
    assigner = get(name)(num_classes, channels=channels, **of_method)
    assigner.loss = replace(assigner.loss, **of_loss)
    return assigner

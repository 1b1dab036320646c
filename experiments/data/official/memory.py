"""What the data check remembers of a dataset: the images that do not decode, and what it need not decode again."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from experiments.data.pixels import Header
from experiments.records.files import write_atomic, write_json

KINDS = (int, int, int, int, int, str, str)


@dataclass(frozen=True)
class ImageState:
    """What one image file turned out to be."""

    bytes: int
    mtime_ns: int
    height: int  # pixels as stored; 0: it does not decode
    width: int
    orientation: int  # EXIF's, 1 to 8
    sha256: str  # "": it cannot be read at all
    reason: str  # why it does not decode; "": it does

    @property
    def good(self) -> bool:
        return not self.reason

    def size(self, exif: str) -> tuple[int, int]:
        """Height and width of what is read."""
        return Header(self.height, self.width, self.orientation).size(exif)


@dataclass(frozen=True)
class Memory:
    """Notes in `folder`, a file for each kind; a damaged one counts as none, and is written anew."""

    folder: Path
    dataset: str

    quarantine = property(lambda self: self.folder / f"quarantine-{self.dataset}.json")
    checked = property(lambda self: self.folder / f"seen-{self.dataset}.json")
    archives = property(lambda self: self.folder / f"archives-{self.dataset}.json")
    missing = property(lambda self: self.folder / f"missing-{self.dataset}.txt")

    def states(self) -> dict[str, ImageState]:
        """Path -> its state at the last check."""
        rows = _read(self.checked).get("images")
        rows = rows if isinstance(rows, dict) else {}
        return {path: ImageState(*row) for path, row in rows.items() if _fits(row)}

    def keep(self, states: dict[str, ImageState]) -> None:
        """Writes the states, and the list that follows from them: a repaired file is not on it any more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fields_of = [f.name for f in fields(ImageState)]
        write_json(self.checked, {"fields": fields_of, "images": {p: [*vars(x).values()] for p, x in states.items()}})
        self.list_bad(states)

    def list_bad(self, states: dict[str, ImageState]) -> None:
        """Writes the quarantine list."""
        listed: dict[str, dict] = {}
        for path, state in sorted(states.items()):
            if state.sha256 and not state.good:
                entry = listed.setdefault(state.sha256, {"bytes": state.bytes, "reason": state.reason, "paths": []})
                entry["paths"].append(path)
        write_json(self.quarantine, {"dataset": self.dataset, "images": listed})

    def lacks(self, paths: list[str]) -> None:
        """Writes the list of missing files, a line each."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.missing, "".join(f"{path}\n" for path in paths).encode())

    def listed(self) -> dict[str, list[str]]:
        """The quarantine list: SHA-256 of an image that does not decode -> where it lies. No list: empty."""
        images = _read(self.quarantine).get("images")
        entries = images.items() if isinstance(images, dict) else ()
        return {key: _strings(entry.get("paths")) for key, entry in entries if isinstance(entry, dict)}

    def known_archives(self) -> dict[str, dict]:
        """Name of an archive -> size, mtime_ns and sha256 of its file, and whether it was unpacked."""
        return {name: entry for name, entry in _read(self.archives).items() if isinstance(entry, dict)}

    def note(self, name: str, **values: object) -> None:
        """Adds to the notes on an archive."""
        self.folder.mkdir(parents=True, exist_ok=True)
        notes = self.known_archives()
        write_json(self.archives, notes | {name: notes.get(name, {}) | values})


def _fits(row: object) -> bool:
    return isinstance(row, list) and [type(value) for value in row] == list(KINDS)


def _strings(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _read(path: Path) -> dict:
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}

"""Files that a stranger might have written by hand: a pickle that runs code, and torch's archive around it."""

import zipfile
from pathlib import Path


def code(witness: Path) -> bytes:
    """A pickle that makes a file when it is loaded."""
    return b"cos\nsystem\n(S'touch " + str(witness).encode() + b"'\ntR."


def archive(path: Path, data: bytes, name: str = "checkpoint/data.pkl", kind: int = zipfile.ZIP_STORED) -> None:
    """What torch writes, with `data` for its pickle."""
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr(name, data)
        file.writestr("checkpoint/version", b"3\n")
        file.writestr("checkpoint/byteorder", b"little")

"""Text files of annotations, in the encodings that editors and shells write."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from experiments.runtime.errors import UserError

MARKS = (  # byte order marks; Notepad writes the first, PowerShell the last but one
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_lines(path: Path) -> list[str]:
    """Of a file in UTF-8, or in the coding that its byte order mark tells. Raises UserError."""
    try:
        data = path.read_bytes()
        text = data.decode(next((coding for mark, coding in MARKS if data.startswith(mark)), "utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}. It must be a text file.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file in UTF-8 or UTF-16 ({error}). Save it as UTF-8.") from None
    if "\0" in text:
        raise UserError(f"{path}: not a text file in UTF-8: it holds bytes of value 0. Save it as UTF-8.")
    return re.split(r"\r\n|\n|\r", text)

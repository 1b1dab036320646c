"""The size of an image, from its header alone."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from experiments.runtime.errors import UserError


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels. Raises UserError for what is no image."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: no image can be read there ({error}). Fetch it again.") from None

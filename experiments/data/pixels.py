"""An image file as a person sees it: 8-bit RGB, turned by its EXIF orientation; what cannot be shown so is refused."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np
from PIL import ExifTags, Image

from experiments.runtime.errors import UserError

MAX_PIXELS = 178_956_970  # of an image, where Pillow stops too
Image.MAX_IMAGE_PIXELS = None  # Reading.max_pixels has its place: a limit of the call, with a name of its own
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, TypeError, AttributeError)
DAMAGE += (RuntimeError, ImportError, struct.error, zlib.error)  # what decoders raise on damaged files

EXIF = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")  # where Pillow keeps what getexif reads
GREY16 = ("I;16", "I;16L", "I;16B", "I;16N")
RANGED = ("PNG", "TIFF", "JPEG2000", "PPM")  # formats whose 16-bit grey runs from black at 0 to white at the largest
EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # EXIF 2.32, 4.6.4 A: of (H, W, 3)
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}
BACK = {6: 8, 8: 6}  # what undoes a turn; the others undo themselves


class BadImage(UserError):
    """An image file that cannot be read, does not decode, or cannot be shown as 8-bit RGB."""


@dataclass(frozen=True)
class Reading:
    """How the files of a dataset become pixels."""

    exif: Literal["apply", "ignore"] = "apply"  # the EXIF orientation
    max_pixels: int = MAX_PIXELS  # of an image


AS_SEEN = Reading()


@dataclass(frozen=True)
class Header:
    """What an image file says before it is decoded."""

    height: int  # pixels, as stored
    width: int
    orientation: int  # EXIF's, 1 to 8

    def size(self, exif: str) -> tuple[int, int]:
        """Height and width of what is read."""
        turned = exif == "apply" and self.orientation > 4
        return (self.width, self.height) if turned else (self.height, self.width)


def opened(path: str) -> BinaryIO:
    """The file, for reading. Raises BadImage."""
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _undecodable(path, error) from None


def image_size(path: str, exif: str) -> tuple[int, int]:
    """Height and width of what is read of a file, by its header alone. Raises BadImage."""
    with opened(path) as file:
        return read_header(file, path).size(exif)


def read_header(file: BinaryIO, path: str) -> Header:
    """Of an open file. Raises BadImage, naming `path`."""
    with _named(path), Image.open(file) as image:
        return _header(image)


def read_pixels(file: BinaryIO, path: str, reading: Reading) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an open file; grey is repeated.

    Raises BadImage, and UserError above `max_pixels`; both name `path`.
    """
    with _named(path), Image.open(file) as image:
        header = _header(image)
        _check_count(header, path, reading.max_pixels)
        pixels = _rgb(image)
        turn = header.orientation if reading.exif == "apply" else 1
        if image.format == "TIFF":  # Pillow turned it as it loaded it
            turn = 1 if reading.exif == "apply" else BACK.get(header.orientation, header.orientation)
    return np.ascontiguousarray(TURNS[turn](pixels))


@contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except _Refused as reason:
        raise BadImage(
            f"{path}: {reason}. Save it with 8 bits a channel and nothing transparent, or set "
            "data.skip_bad_images=true."
        ) from None
    except DAMAGE as error:
        raise _undecodable(path, error) from None


class _Refused(Exception):
    """Why pixels cannot be shown as 8-bit RGB."""


def _undecodable(path: str, error: Exception) -> BadImage:
    """The error for a file that cannot be read or is damaged."""
    unknown = isinstance(error, Image.UnidentifiedImageError)
    why = getattr(error, "strerror", None) or ("cannot identify image file" if unknown else str(error))
    return BadImage(
        f"{path}: the image does not decode ({why or type(error).__name__}). Fetch the file again, or set "
        "data.skip_bad_images=true."
    )


def _header(image: Image.Image) -> Header:
    width, height = image.size
    orientation = _orientation(image)
    if image.format == "TIFF" and orientation > 4:  # Pillow gives the size after the turn
        width, height = height, width
    return Header(height, width, orientation)


def _orientation(image: Image.Image) -> int:
    """1 where there is none, or none that means anything."""
    if image.format != "TIFF" and image.info.keys().isdisjoint(EXIF):  # most images
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF, which the image does not need
            value = image.getexif().get(ExifTags.Base.Orientation)
    except DAMAGE:
        return 1
    return value if isinstance(value, int) and value in TURNS else 1


def _check_count(header: Header, path: str, limit: int) -> None:
    count = header.height * header.width
    if count > limit:
        raise UserError(
            f"{path}: the image has {count} pixels, more than data.max_pixels={limit}. Allow them with "
            f"--set data.max_pixels={count}, or scale the image down together with its boxes."
        )


def _rgb(image: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8, as stored. 8-bit RGB and grey are bit for bit torchvision's decode_image."""
    if image.mode in GREY16 or (image.mode == "I" and image.format == "PPM"):  # 16 bits in 32
        return _grey16(image)
    if image.mode not in EIGHT_BITS:
        raise _Refused(f"its pixels are of Pillow's mode {image.mode}, for which no file says what is black and white")
    if image.format == "TIFF" and _tag(image, ExifTags.Base.SampleFormat, 1) != 1:
        raise _Refused("its pixels are signed numbers, for which no file says what is black")
    if image.has_transparency_data:
        image = _opaque(image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _opaque(image: Image.Image) -> Image.Image:
    """RGBA. Below what is transparent a file may hold any colour, and it does not say which one was seen."""
    key = image.info.get("transparency")
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema()[0] < 255 or (isinstance(key, tuple) and max(key) > 255):
        raise _Refused("some of its pixels are transparent, so their colours are not those that were seen")
    return rgba


def _grey16(image: Image.Image) -> np.ndarray:
    """From black at 0 to white at the largest number that the file's bits hold."""
    if image.format not in RANGED:
        raise _Refused(f"it has 16 bits a pixel in a file of type {image.format}, which does not say what is white")
    values = np.asarray(image).astype(np.uint32)
    if (values == image.info.get("transparency", -1)).any():
        raise _Refused("some of its pixels are transparent, so their colours are not those that were seen")
    tiff = image.format == "TIFF"
    white = 2 ** (_tag(image, ExifTags.Base.BitsPerSample, 16) if tiff else 16) - 1
    if tiff and _tag(image, ExifTags.Base.PhotometricInterpretation, 1) == 0:  # white is 0
        values = white - values
    grey = ((values * 255 + white // 2) // white).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)


def _tag(image: Image.Image, number: int, default: int) -> int:
    """The first value of a TIFF tag."""
    value = image.tag_v2.get(number, default)
    return value[0] if isinstance(value, tuple) else value

"""Every mode and orientation that Pillow opens: as a person sees it, or one sentence; never something else."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from experiments.data.index import decode
from experiments.data.pixels import AS_SEEN, BadImage, Reading, image_size, read_header, read_pixels
from experiments.runtime.errors import UserError

IGNORE = Reading(exif="ignore")
TIFF = "TIFF"
SAVED = {  # mode -> formats that keep it
    "1": ("PNG", TIFF, "PPM", "BMP"),
    "L": ("PNG", TIFF, "PPM", "BMP", "GIF", "JPEG2000"),
    "P": ("PNG", TIFF, "GIF"),
    "RGB": ("PNG", TIFF, "PPM", "BMP", "WEBP", "JPEG2000"),
    "LA": ("PNG", TIFF),
    "RGBA": ("PNG", TIFF, "WEBP"),
    "CMYK": (TIFF,),
    "YCbCr": (TIFF,),
    "LAB": (TIFF,),
    "I;16": ("PNG", TIFF, "JPEG2000", "PPM"),
    "I;16B": (TIFF,),
}
REFUSED = {"I": (TIFF,), "F": (TIFF, "PPM")}
EXACT = {"WEBP": {"lossless": True, "exact": True}}


def of_mode(mode: str, height: int, width: int, seed: int) -> Image.Image:
    """Noise. What has an alpha channel is opaque."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    if mode in ("I;16", "I;16B"):
        values = noise.view(np.uint16)[..., 0]
        return Image.frombytes(mode, (width, height), values.astype(">u2" if mode == "I;16B" else "<u2").tobytes())
    if mode in ("I", "F"):
        return Image.fromarray(noise.view(np.uint16)[..., 0].astype(np.int32 if mode == "I" else np.float32))
    if mode in ("LA", "RGBA"):
        return Image.fromarray(noise[..., :3]).convert(mode)
    if mode == "LAB":
        return Image.frombytes("LAB", (width, height), noise[..., :3].tobytes())
    if mode in ("1", "P", "YCbCr"):
        return Image.fromarray(noise[..., :3]).convert(mode)
    return Image.fromarray(
        {"L": noise[..., 0], "RGB": noise[..., :3], "CMYK": noise}[mode], mode if mode == "CMYK" else None
    )


def as_seen(image: Image.Image) -> np.ndarray:
    """(H, W, 3) float, 0 to 255."""
    if image.mode.startswith("I;16"):
        return np.repeat(np.asarray(image)[..., None] / 257, 3, 2)
    return np.asarray(image.convert("RGB")).astype(float)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """By Pillow, channel by channel."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    channels = []
    for channel in np.moveaxis(pixels.astype(np.float32), 2, 0):
        image = Image.fromarray(channel)
        image.info["exif"] = exif.tobytes()
        channels.append(np.asarray(ImageOps.exif_transpose(image)))
    return np.stack(channels, 2)


def written(image: Image.Image, kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = BytesIO()
    image.save(buffer, kind, exif=exif, **EXACT.get(kind, {}))
    return buffer.getvalue()


def read(data: bytes, reading: Reading = AS_SEEN) -> np.ndarray:
    return read_pixels(BytesIO(data), "a.image", reading)


CASES = [(mode, kind) for mode, kinds in SAVED.items() for kind in kinds]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), st.integers(1, 8), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.integers(0, 99))
def test_every_mode_and_orientation_is_read_as_it_is_seen(case, orientation, size, seed):
    mode, kind = case
    image = of_mode(mode, *size, seed)
    data = written(image, kind, orientation)
    carried = kind in ("PNG", TIFF, "WEBP")  # the others have no EXIF
    seen = as_seen(image)
    upright = turned(seen, orientation) if carried else seen
    near = 1 if mode.startswith("I;16") else 0
    assert np.abs(read(data) - upright).max() <= near
    assert np.abs(read(data, IGNORE) - seen).max() <= near
    header = read_header(BytesIO(data), "a.image")
    assert header.size("apply") == upright.shape[:2] and header.size("ignore") == seen.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_to_the_bit(tmp_path, orientation):
    """JPEG and the first frame of an MPO; square, too."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    for kind in ("JPEG", "MPO"):
        (tmp_path / "a.jpg").write_bytes(written(Image.fromarray(noise), kind, orientation))
        with Image.open(tmp_path / "a.jpg") as image:
            stored, upright = np.asarray(image), np.asarray(ImageOps.exif_transpose(image))
        assert np.array_equal(decode(str(tmp_path / "a.jpg")).permute(1, 2, 0).numpy(), upright)
        assert np.array_equal(decode(str(tmp_path / "a.jpg"), IGNORE).permute(1, 2, 0).numpy(), stored)
        (tmp_path / "wide.jpg").write_bytes(written(Image.fromarray(noise[:8]), kind, orientation))
        for reading in (AS_SEEN, IGNORE):
            size = tuple(decode(str(tmp_path / "wide.jpg"), reading).shape[1:])
            assert image_size(str(tmp_path / "wide.jpg"), reading.exif) == size


@pytest.mark.parametrize(("mode", "kind"), [(mode, kind) for mode, kinds in REFUSED.items() for kind in kinds])
def test_numbers_without_a_range_are_refused(mode, kind):
    with pytest.raises(BadImage, match=rf"a\.image: its pixels are of Pillow's mode {mode}") as error:
        read(written(of_mode(mode, 3, 5, 0), kind, 1))
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", TIFF])
def test_transparent_pixels_are_refused_and_opaque_ones_read(kind):
    image = of_mode("RGBA", 4, 4, 0)
    image.putpixel((1, 1), (10, 20, 30, 0))
    with pytest.raises(BadImage, match="some of its pixels are transparent"):
        read(written(image, kind, 1))
    for mode, key in (("L", 7), ("RGB", (1, 2, 3)), ("I;16", 700)):
        keyed = Image.new(mode, (3, 2), 0 if mode != "RGB" else (9, 9, 9))
        buffer = BytesIO()
        keyed.save(buffer, "PNG", transparency=key)
        assert read(buffer.getvalue()).shape == (2, 3, 3)  # no pixel has that colour
        keyed.putpixel((0, 0), key)
        buffer = BytesIO()
        keyed.save(buffer, "PNG", transparency=key)
        with pytest.raises(BadImage, match="some of its pixels are transparent"):
            read(buffer.getvalue())


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", TIFF])
def test_of_many_frames_the_first_is_read(kind):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    buffer = BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **EXACT.get(kind, {}))
    assert (read(buffer.getvalue()) == (255, 0, 0)).all()


def tiff(values: np.ndarray, **tags: int) -> bytes:
    """A TIFF whose tags say other than what Pillow writes."""
    buffer, info = BytesIO(), TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        info[getattr(ExifTags.Base, name)] = value
    Image.fromarray(values).save(buffer, TIFF, tiffinfo=info)
    return buffer.getvalue()


def test_what_the_tags_of_a_tiff_say_counts():
    values = np.array([[0, 1000, 65535]], np.uint16)
    data = tiff(values)
    position = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01")  # photometric interpretation: black is 0
    white_is_0 = data[: position + 8] + b"\0" + data[position + 9 :]
    assert read(data)[0, :, 0].tolist() == [0, 4, 255] and read(white_is_0)[0, :, 0].tolist() == [255, 251, 0]
    with pytest.raises(BadImage, match="mode I,"):
        read(tiff(values.astype(np.int32)))
    signed = tiff(np.zeros((2, 2), np.uint8), SampleFormat=2)
    with pytest.raises(BadImage, match="signed numbers"):
        read(signed)


def test_damaged_exif_is_none():
    image = Image.new("RGB", (6, 4), (1, 2, 3))
    for exif in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12", b"x" * 30):
        buffer = BytesIO()
        image.save(buffer, "PNG", exif=exif)
        assert read(buffer.getvalue()).shape == (4, 6, 3)
    for orientation in (0, 9, 65535):
        assert read(written(image, "PNG", orientation)).shape == (4, 6, 3)


def test_above_the_limit_of_pixels_the_sentence_names_the_setting():
    data = written(Image.new("L", (30, 20)), "PNG", 1)
    assert read(data, Reading(max_pixels=600)).shape == (20, 30, 3)
    with pytest.raises(
        UserError, match=r"600 pixels, more than data\.max_pixels=599\..*--set data\.max_pixels=600"
    ) as error:
        read(data, Reading(max_pixels=599))
    assert not isinstance(error.value, BadImage)  # not one to skip

"""One XML file in PASCAL VOC's form, each field of which has its range."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from experiments.data.parsing.annotation_fields import Field
from experiments.data.parsing.clean import LIMIT
from experiments.data.parsing.normalised import check_pixels, in_unit_square
from experiments.runtime.errors import UserError

WIDTH, HEIGHT = (Field(f"size/{side}", 1, LIMIT, "pixels", whole=True) for side in ("width", "height"))
XMIN, YMIN, XMAX, YMAX = (Field(f"bndbox/{side}", -LIMIT, LIMIT, "pixels") for side in ("xmin", "ymin", "xmax", "ymax"))
DIFFICULT = Field("difficult", 0, 1, whole=True, default=0, words=(("false", 0), ("true", 1)))
NAME = "name"  # text, not empty
FIELDS = (WIDTH, HEIGHT, XMIN, YMIN, XMAX, YMAX, DIFFICULT)  # the numbers that are read


@dataclass(frozen=True)
class VocObject:
    """What an XML file says about one object."""

    name: str
    box: tuple[float, float, float, float]  # xmin ymin xmax ymax, px, 1-based, the last pixel inside
    difficult: bool


@dataclass(frozen=True)
class VocAnnotation:
    """What an XML file says about one image."""

    file_name: str  # "": not said
    size: tuple[int, int] | None  # height, width, px; None: not said
    objects: list[VocObject]


def read_voc_xml(path: Path) -> VocAnnotation:
    """Raises UserError, naming file, object, field, value and range."""
    root = _parse(path)
    size = None
    if root.find("size") is not None:
        size = int(_number(root, HEIGHT, str(path))), int(_number(root, WIDTH, str(path)))
    objects = [_object(node, f"{path}, object {i}") for i, node in enumerate(root.iter("object"), 1)]
    boxes = np.array([x.box for x in objects]).reshape(-1, 4)
    check_pixels(int(in_unit_square(boxes).sum()), len(boxes), str(path))
    return VocAnnotation((_text(root, "filename", str(path)) or "").strip(), size, objects)


def class_names(path: Path) -> set[str]:
    """Of the objects of a file; none of a file that cannot be read."""
    try:
        return {(node.findtext(NAME) or "").strip() for node in _parse(path).iter("object")} - {""}
    except UserError:
        return set()


def _parse(path: Path) -> Element:
    try:
        return parse(path, forbid_dtd=True).getroot()
    except FileNotFoundError:
        raise UserError(f"{path}: this annotation is missing. Add it, or take its image off the list.") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}. It must be an XML file.") from None
    except DefusedXmlException as error:
        raise UserError(f"{path}: XML entities and DTDs are not read ({type(error).__name__}). Remove them.") from None
    except (ParseError, RecursionError) as error:
        raise UserError(f"{path}: not a whole XML file ({error}). Fetch it again.") from None
    except (ValueError, LookupError) as error:  # an encoding of several bytes, or one that nobody knows
        raise UserError(f"{path}: its encoding is not read ({error}). Save it as UTF-8.") from None


def _object(node: Element, where: str) -> VocObject:
    name = (_text(node, NAME, where) or "").strip()
    if not name:
        raise UserError(f"{where}: {NAME} is empty or missing; it must be the name of the object's class.")
    where = f"{where} ('{name:.60}')"
    box = tuple(_number(node, field, where) for field in (XMIN, YMIN, XMAX, YMAX))
    for low, high, first, last in ((XMIN, XMAX, box[0], box[2]), (YMIN, YMAX, box[1], box[3])):
        if last < first:
            raise UserError(f"{where}: {high.name} is {last:.8g}; it must not be below {low.name}, {first:.8g} pixels.")
    return VocObject(name, box, bool(_number(node, DIFFICULT, where)))


def _number(node: Element, field: Field, where: str) -> float:
    return field.read(_text(node, field.name, where), where)


def _text(node: Element, name: str, where: str) -> str | None:
    """Of the one element of this name; None where there is none."""
    nodes = node.findall(name)
    if len(nodes) > 1:
        raise UserError(f"{where}: {name} is there {len(nodes)} times. Leave one of them.")
    return (nodes[0].text or "") if nodes else None

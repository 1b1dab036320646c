"""Reader of the PASCAL VOC layout: XML files, image lists, 1-based inclusive boxes."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from experiments.data.index import Index
from experiments.data.parsing.clean import LIMIT, Record, build_index
from experiments.data.parsing.image_folder import missing_data
from experiments.data.parsing.json_errors import brief
from experiments.data.readers import Reader
from experiments.runtime.errors import UserError, unknown

CLASSES = tuple(  # official order
    "aeroplane bicycle bird boat bottle bus car cat chair cow"
    " diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor".split()
)
LAYOUT = "JPEGImages/*.jpg, Annotations/*.xml and ImageSets/Main/<split>.txt"
AUTO = {"auto:train": ("2007_trainval+2012_trainval", "2012_train"), "auto:val": ("2007_test", "2012_val")}


def read(root: Path, split: str, classes: tuple[str, ...], clean: bool = True) -> Index:
    """Split: `2007_trainval+2012_trainval` for a VOCdevkit, `train` for a folder with JPEGImages, `auto:train|val`."""
    classes = tuple(classes) or CLASSES
    records: list[Record] = []
    for year in resolve(root, split).split("+"):
        records += _listed(root, *_folder(root, year), classes, first=len(records) + 1)
    return build_index("voc", classes, records, str(root), inclusive=True, clean=clean)


def resolve(root: Path, split: str) -> str:
    """The concrete split. Automatic: 07+12 trainval and 2007 test, or, where only VOC2012 lies, 2012 train and val."""
    if not split.startswith("auto"):
        return split
    if split not in AUTO:
        raise unknown("automatic split", split, list(AUTO))
    if (root / "JPEGImages").is_dir():
        return split.removeprefix("auto:")
    both, only_2012 = AUTO[split]
    has_2007, has_2012 = (_year(root, year).is_dir() for year in ("2007", "2012"))
    if (_year(root, "2007") / "ImageSets/Main/test.txt").is_file() and has_2012:
        return both
    if has_2012 and not has_2007:
        return only_2012  # the test annotations of 2012 are not public
    if has_2007:
        lack = "ImageSets/Main/test.txt of VOC2007" if has_2012 else "VOC2012"
        raise UserError(
            f"{root}: '{split}' needs VOC2007 with its test list and VOC2012; {lack} is missing. "
            "Add it, or name a split such as 2007_trainval."
        )
    raise _missing_data(root, root)


def sources(root: Path, split: str) -> list[Path]:
    """The files and folders whose change makes the index another one."""
    paths = []
    for folder, name in (_folder(root, year) for year in resolve(root, split).split("+")):
        paths += [folder / "ImageSets" / "Main" / f"{name}.txt", folder / "JPEGImages"]
        paths += sorted((folder / "Annotations").iterdir())
    return paths


def _year(root: Path, year: str) -> Path:
    devkit = root / "VOCdevkit"
    return (devkit if devkit.is_dir() else root) / f"VOC{year}"


def _folder(root: Path, part: str) -> tuple[Path, str]:
    """The folder that holds JPEGImages, and the name of the image list."""
    match = re.fullmatch(r"(\d{4})_(\w+)", part)
    if not match and not re.fullmatch(r"[\w-]+", part):
        raise UserError(f"'{part}' is no VOC split. Write 2007_trainval+2012_trainval, or train for a single folder.")
    folder, name = (_year(root, match[1]), match[2]) if match else (root, part)
    for wanted in ("JPEGImages", "Annotations", f"ImageSets/Main/{name}.txt"):
        if not (folder / wanted).exists():
            raise _missing_data(root, folder / wanted)
    return folder, name


def _missing_data(root: Path, path: Path) -> UserError:
    layout = f"be the parent of VOCdevkit, VOCdevkit itself (VOC2007, VOC2012 inside), or a folder with {LAYOUT}"
    return missing_data("VOC", str(path), layout, root)


def _listed(root: Path, folder: Path, name: str, classes: tuple[str, ...], first: int) -> list[Record]:
    """Records of one image list; image ids run on from `first`."""
    listing = folder / "ImageSets" / "Main" / f"{name}.txt"
    images = {path.stem: path for path in (folder / "JPEGImages").iterdir()}
    try:
        lines = (line.split() for line in listing.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise UserError(f"{listing}: not a text file ({error}). Fetch it again.") from None
    stems = [words[0] for words in lines if words]
    if not stems:
        raise UserError(f"{listing}: the list is empty. Put one image name, without .jpg, on each line.")
    labels = {name: i for i, name in enumerate(classes)}
    records = []
    for i, stem in enumerate(stems):
        if stem not in images:
            raise UserError(
                f"{listing}, line '{stem}': {folder / 'JPEGImages'} has no such image. Add it, or cut the line."
            )
        image = images[stem].relative_to(root).as_posix()
        records.append(_record(folder / "Annotations" / f"{stem}.xml", image, first + i, labels))
    return records


def _record(path: Path, image: str, image_id: int, labels: dict[str, int]) -> Record:
    tree = _parse(path)
    height, width = (_number(tree, f"size/{side}", f"{path}") for side in ("height", "width"))
    if height < 1 or width < 1:
        raise UserError(f"{path}: size is {width:g} x {height:g}. Write the size of the image there.")
    found = [_object(node, f"{path}, object {i}", labels) for i, node in enumerate(tree.iter("object"), 1)]
    boxes, numbers, ignore = ([x[k] for x in found] for k in range(3))
    return Record(image, image_id, int(height), int(width), boxes, numbers, ignore)


def _parse(path: Path) -> Element:
    try:
        return parse(path, forbid_dtd=True).getroot()
    except FileNotFoundError:
        raise UserError(f"{path}: this annotation is missing. Add it, or take its image off the list.") from None
    except DefusedXmlException as error:
        raise UserError(f"{path}: XML entities and DTDs are not read ({type(error).__name__}). Remove them.") from None
    except (ParseError, ValueError, LookupError, RecursionError) as error:  # LookupError: an encoding nobody knows
        raise UserError(f"{path}: not a whole XML file ({error}). Fetch it again.") from None


def _object(node: Element, where: str, labels: dict[str, int]) -> tuple[tuple[float, ...], int, bool]:
    name = (node.findtext("name") or "").strip()
    if name not in labels:
        raise UserError(f"{where}: {unknown('class', name, list(labels))} Set data.classes to the names of your data.")
    box = tuple(_number(node, f"bndbox/{side}", where) for side in ("xmin", "ymin", "xmax", "ymax"))
    return box, labels[name], (node.findtext("difficult") or "0").strip() == "1"


def _number(node: Element, field: str, where: str) -> float:
    text = node.findtext(field)
    try:
        value = float(text if text is not None else "missing")
    except ValueError:
        value = math.nan
    if not abs(value) <= LIMIT:
        said = "missing" if text is None else brief(text)
        raise UserError(f"{where}: {field} is {said}; it must be a number of at most {LIMIT} pixels.")
    return value


READER = Reader(
    lambda q: read(q.root, q.split, q.classes, q.clean),
    lambda q: sources(q.root, q.split),
    lambda q: resolve(q.root, q.split),
)

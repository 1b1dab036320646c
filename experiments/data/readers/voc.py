"""Reader of the PASCAL VOC layout: XML files, image lists or folders, 1-based inclusive boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import yaml

from experiments.data.index import Index
from experiments.data.parsing.clean import Record, build_index
from experiments.data.parsing.image_folder import list_folder
from experiments.data.parsing.voc_layout import (
    XML,
    Sample,
    missing_voc,
    samples,
    split_sources,
    splits,
    year_folder,
)
from experiments.data.parsing.voc_xml import VocAnnotation, class_names, read_voc_xml
from experiments.data.pixels import image_size
from experiments.data.readers import Reader, Request
from experiments.runtime.errors import UserError, unknown

CLASSES = tuple(  # official order
    "aeroplane bicycle bird boat bottle bus car cat chair cow"
    " diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor".split()
)
AUTO = {"auto:train": ("2007_trainval+2012_trainval", "2012_train"), "auto:val": ("2007_test", "2012_val")}

Annotated = list[tuple[Sample, VocAnnotation]]


def read(request: Request) -> Index:
    """Split: `2007_trainval+2012_trainval` for a VOCdevkit, `auto:train|val`, a list's name, or a folder's.

    `request.classes`: () for VOC's own, or a subset of those in the files, in the order wanted.
    """
    root = request.root
    listed = [sample for split in splits(root, resolve(request)) for sample in samples(root, split)]
    annotated = [(sample, read_voc_xml(sample.annotation)) for sample in listed]
    classes = tuple(request.classes) or CLASSES
    _check_classes(root, annotated, tuple(request.classes))
    labels = {name: i for i, name in enumerate(classes)}
    records = [_record(request, *pair, number, labels) for number, pair in enumerate(annotated, 1)]
    _check_once(records, listed)
    index = build_index("voc", classes, records, str(root), inclusive=True, clean=request.clean)
    other_class = sum(x.name not in labels for _, annotation in annotated for x in annotation.objects)
    return replace(index, counters=index.counters | {"other_class": other_class})


def resolve(request: Request) -> str:
    """The concrete split. Automatic: 07+12 trainval and 2007 test, or, where only VOC2012 lies, 2012 train and val."""
    root, split = request.root, request.split
    if not split.startswith("auto"):
        return split
    if split not in AUTO:
        raise unknown("automatic split", split, list(AUTO))
    if (root / "JPEGImages").is_dir():
        return split.removeprefix("auto:")
    both, only_2012 = AUTO[split]
    has_2007, has_2012 = (year_folder(root, year).is_dir() for year in ("2007", "2012"))
    if (year_folder(root, "2007") / "ImageSets/Main/test.txt").is_file() and has_2012:
        return both
    if has_2012 and not has_2007:
        return only_2012  # the test annotations of 2012 are not public
    if has_2007:
        lack = "ImageSets/Main/test.txt of VOC2007" if has_2012 else "VOC2012"
        raise UserError(
            f"{root}: '{split}' needs VOC2007 with its test list and VOC2012; {lack} is missing. "
            "Add it, or name a split such as 2007_trainval."
        )
    raise missing_voc(root, root)


def sources(request: Request) -> list[Path]:
    """The files and folders whose change makes the index another one."""
    listed = splits(request.root, resolve(request))
    return [path for split in listed for path in split_sources(request.root, split)]


def _check_classes(root: Path, annotated: Annotated, classes: tuple[str, ...]) -> None:
    """UserError where a class is asked for that no file of the dataset has, or none is said and there are others."""
    used = {x.name for _, annotation in annotated for x in annotation.objects}
    if not classes:
        for sample, annotation in annotated:
            for i, item in enumerate(annotation.objects, 1):
                if item.name not in CLASSES:
                    raise _foreign(root, f"{sample.annotation}, object {i}", item.name)
    elif set(classes) - used:  # a split may lack a class that the dataset has
        everywhere = used | _all_names(root)
        for name in classes if everywhere else ():
            if name not in everywhere:
                first = annotated[0][0].annotation
                raise UserError(f"{first} and the others: {unknown('class', name, sorted(everywhere))}")


def _all_names(root: Path) -> set[str]:
    return set().union(*(class_names(root / name) for name in list_folder(root, root).files(XML)))


def _foreign(root: Path, where: str, name: str) -> UserError:
    names = yaml.safe_dump(sorted(_all_names(root)), default_flow_style=True, width=10**6, allow_unicode=True).strip()
    return UserError(
        f"{where}: class '{name:.80}' is none of VOC's 20. For data of your own write into the recipe "
        f"data: {{classes: {names:.3000}}}"
    )


def _record(
    request: Request, sample: Sample, annotation: VocAnnotation, image_id: int, labels: dict[str, int]
) -> Record:
    image = _image(sample, annotation)
    height, width = annotation.size or image_size(str(request.root / image), request.exif)
    objects = [x for x in annotation.objects if x.name in labels]
    boxes, ignore = [x.box for x in objects], [x.difficult for x in objects]
    return Record(image, image_id, height, width, boxes, [labels[x.name] for x in objects], ignore)


def _image(sample: Sample, annotation: VocAnnotation) -> str:
    """The one file, or, of several of one stem, the one that the annotation names."""
    if len(sample.images) == 1:
        return sample.images[0]
    name = PurePosixPath(annotation.file_name.replace("\\", "/")).name
    matching = [image for image in sample.images if PurePosixPath(image).name == name]
    if len(matching) == 1:
        return matching[0]
    raise UserError(
        f"{sample.origin}: there are both {' and '.join(sample.images[:5])}. Remove all but the one that "
        f"was annotated, or name it as <filename> in {sample.annotation}."
    )


def _check_once(records: list[Record], listed: list[Sample]) -> None:
    """UserError where an image is listed twice."""
    first: dict[str, str] = {}
    for record, sample in zip(records, listed, strict=True):
        if record.path in first:
            raise UserError(f"{sample.origin}: {record.path} stands before, at {first[record.path]}. Cut one of them.")
        first[record.path] = sample.origin


READER = Reader(read, sources, resolve)

"""Where the public datasets come from: pages, licences, archives with sizes and checksums, official counts.

Sizes and SHA-256 of VOC and COCO: tensorflow/datasets, url_checksums/{voc,coco}.txt at 333639b. The same of WIDER FACE:
the LFS pointers of huggingface.co/datasets/CUHK-CSE/wider_face at ba0019b. Addresses of VOC: that list, and
torchvision's voc.py. Counts: the development kits of VOC2007 and VOC2012, the annotation files of COCO 2017 and
WIDER FACE; Objects365 v2: Objects365.yaml of ultralytics.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Archive:
    """One file that the publisher offers."""

    name: str
    size: int  # bytes
    sha256: str
    brings: dict[str, int]  # path below the root -> how many files it adds there; a file counts as 1
    urls: tuple[str, ...] = ()  # (): a person must fetch it, from the page


@dataclass(frozen=True)
class PublicSource:
    """What is public about a dataset."""

    page: str
    licence: str
    layout: str  # below --data-root
    archives: tuple[Archive, ...] = ()
    images: dict[str, int] = field(default_factory=dict)  # split -> official number of images
    boxes: dict[str, int] = field(default_factory=dict)  # split -> official number of boxes, all kinds
    top: str = ""  # folder in the archives that --data-root may also name
    single: str = ""  # where the root holds this, it is not the official dataset but data in its layout

    @property
    def fetchable(self) -> bool:
        return any(archive.urls for archive in self.archives)


def _voc(name: str, year: str, size: int, sha256: str, images: int, lists: tuple[str, ...]) -> Archive:
    hosts = ("http://host.robots.ox.ac.uk/pascal/VOC", "https://thor.robots.ox.ac.uk/pascal/VOC")
    urls = (*(f"{host}/voc{year}/{name}" for host in hosts), f"http://pjreddie.com/media/files/{name}")
    folder = f"VOCdevkit/VOC{year}"
    counts = {f"{folder}/JPEGImages": images, f"{folder}/Annotations": images}
    return Archive(name, size, sha256, {f"{folder}/ImageSets/Main/{x}.txt": 1 for x in lists} | counts, urls)


def _coco(path: str, size: int, sha256: str, brings: dict[str, int]) -> Archive:
    hosts = ("http://images.cocodataset.org", "https://s3.amazonaws.com/images.cocodataset.org")
    return Archive(path.rpartition("/")[2], size, sha256, brings, tuple(f"{host}/{path}" for host in hosts))


VOC = PublicSource(
    page="http://host.robots.ox.ac.uk/pascal/VOC/",
    licence="none of its own; the images come from Flickr, whose terms of use hold",
    layout="VOCdevkit/{VOC2007,VOC2012}/{JPEGImages/*.jpg, Annotations/*.xml, ImageSets/Main/*.txt}",
    archives=(
        _voc(
            "VOCtrainval_06-Nov-2007.tar",
            "2007",
            460032000,
            "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
            5011,
            ("train", "val", "trainval"),
        ),
        _voc(
            "VOCtest_06-Nov-2007.tar",
            "2007",
            451020800,
            "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
            4952,
            ("test",),
        ),
        _voc(
            "VOCtrainval_11-May-2012.tar",
            "2012",
            1999639040,
            "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
            17125,
            ("train", "val", "trainval"),
        ),
    ),
    images={
        "2007_train": 2501,
        "2007_val": 2510,
        "2007_trainval": 5011,
        "2007_test": 4952,
        "2012_train": 5717,
        "2012_val": 5823,
        "2012_trainval": 11540,
    },
    top="VOCdevkit",
    single="JPEGImages",
)

COCO = PublicSource(
    page="https://cocodataset.org/#download",
    licence="annotations CC BY 4.0; the images come from Flickr, each under its own licence",
    layout="{train2017,val2017}/*.jpg, annotations/instances_train2017.json and annotations/instances_val2017.json",
    archives=(
        _coco(
            "zips/train2017.zip",
            19336861798,
            "69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
            {"train2017": 118287},
        ),
        _coco(
            "zips/val2017.zip",
            815585330,
            "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
            {"val2017": 5000},
        ),
        _coco(
            "annotations/annotations_trainval2017.zip",
            252907541,
            "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
            {"annotations/instances_train2017.json": 1, "annotations/instances_val2017.json": 1},
        ),
    ),
    images={"train2017": 118287, "val2017": 5000},
    boxes={"train2017": 860001, "val2017": 36781},
)

WIDERFACE = PublicSource(
    page="http://shuoyang1213.me/WIDERFACE/",
    licence="CC BY-NC-ND 4.0: not commercial, unmodified copies only",
    layout="{WIDER_train,WIDER_val}/images/<event>/*.jpg and wider_face_split/wider_face_{train,val}_bbx_gt.txt",
    archives=(
        Archive(
            "WIDER_train.zip",
            1465602149,
            "e23b76129c825cafae8be944f65310b2e1ba1c76885afe732f179c41e5ed6d59",
            {"WIDER_train/images": 12880},
        ),
        Archive(
            "WIDER_val.zip",
            362752168,
            "f9efbd09f28c5d2d884be8c0eaef3967158c866a593fc36ab0413e4b2a58a17a",
            {"WIDER_val/images": 3226},
        ),
        Archive(
            "wider_face_split.zip",
            3591642,
            "c7561e4f5e7a118c249e0a5c5c902b0de90bbf120d7da9fa28d99041f68a8a5c",
            {"wider_face_split/wider_face_train_bbx_gt.txt": 1, "wider_face_split/wider_face_val_bbx_gt.txt": 1},
        ),
    ),
    images={"train": 12880, "val": 3226},
)

OBJECTS365 = PublicSource(
    page="https://www.objects365.org/download.html",
    licence="annotations CC BY 4.0; the images for academic use only, not to be handed on",
    layout="annotations/zhiyuan_objv2_{train,val}.json and images/{v1,v2}/patchN/*.jpg, as file_name in the JSON says",
    images={"train": 1742289, "val": 80000},
)

BCCD = PublicSource(
    page="https://github.com/Shenggan/BCCD_Dataset",
    licence="MIT",
    layout="JPEGImages/*.jpg, Annotations/*.xml, ImageSets/Main/{train,val,test}.txt (folder BCCD of the repository)",
    images={"train": 205, "val": 87, "test": 72},
)

SOURCES = {"voc": VOC, "coco": COCO, "widerface": WIDERFACE, "objects365": OBJECTS365, "bccd": BCCD}


def source_of(dataset: str) -> PublicSource | None:
    """Of a word of --dataset: coco-2x has the files of coco; None for the file of one's own recipe."""
    return SOURCES.get(dataset) or SOURCES.get(dataset.partition("-")[0] if "." not in dataset else "")

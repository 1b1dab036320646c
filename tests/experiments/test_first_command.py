"""The first command that people type, without any data: what it says fetches it, trains and evaluates."""

import io
import shlex
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.data.official import download
from experiments.data.official.sources import SOURCES, Archive
from experiments.data.roots import VARIABLE
from experiments.records.run_folder import runs_in
from tests.file_server import Served, serving
from tests.samples import REAL, real
from tests.tiny_runs import sets

TYPED = ("--assigner", "autoassign", "--dataset", "voc")
FAST = (
    "schedule.iterations=10 model.backbone=resnet18 model.weights=none model.channels=16 model.tower_convs=1 "
    "schedule.batch=4 schedule.evaluations=1 data.short=64 data.long=96 data.workers=0"
).split()
SAMPLE = REAL / "voc_format" / "voc2012_100"
FOLDER = "VOCdevkit/VOC2012"


def packed() -> bytes:
    """The sample as the publisher would offer it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        file.add(SAMPLE / FOLDER, FOLDER, filter=lambda info: info if info.isdir() or info.isreg() else None)
    return buffer.getvalue()


@pytest.fixture
def public(monkeypatch, tmp_path) -> Iterator[Served]:
    """The sample as the public dataset `voc`, on a server of this machine; an empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "OPENER", download._opener())
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    served = Served(data=packed())
    (tmp_path / "sum").write_bytes(served.data)
    brings = {
        f"{FOLDER}/{name}": len(list((SAMPLE / FOLDER / name).iterdir())) for name in ("JPEGImages", "Annotations")
    }
    with serving(served) as url:
        digest = download.checksum(tmp_path / "sum")
        archive = Archive("sample.tar", len(served.data), digest, brings, (f"{url}/sample.tar",))
        counts = {"2012_train": 67, "2012_val": 33}
        monkeypatch.setitem(SOURCES, "voc", replace(SOURCES["voc"], archives=(archive,), images=counts))
        yield served


def named(err: str) -> list[str]:
    """The words of the command that a sentence names."""
    python, script, *words = shlex.split(err.strip().split(" with: ")[1])
    assert (python, script, words[-1]) == ("python", "experiments/run.py", "--download")
    return words


@real
def test_the_command_that_the_sentence_names_fetches_trains_and_evaluates(command, public):
    code, out, err = command(*TYPED)
    assert (code, out, err.count("\n")) == (2, "", 1) and public.asked == []
    assert f"neither ${VARIABLE}/voc (not set) nor data/voc is a folder" in err and "Flickr" in err and " GB" in err
    words = named(err)
    assert tuple(words) == (*TYPED, "--download")
    public.cuts = [1000]
    code, out, err = command(*words, *sets(*FAST))
    assert code == 0 and out.startswith("AP ") and "67 images to train on, 33 to test on" in err, err
    assert public.asked == ["", "bytes=1000-"] and Path("data/voc", FOLDER, "JPEGImages").is_dir()
    (folder,) = runs_in(Path("runs"))
    assert folder.is_done() and folder.read_run().recipe["data"]["train"] == "2012_train"
    for more in ((), ("--download",), ("--data-root", "data/voc")):
        code, again, err = command(*TYPED, *sets(*FAST), *more)
        assert (code, again) == (0, out) and "nothing is trained" in err and "analysis/report.py runs" in err
    assert len(public.asked) == 2
    code, out, _ = command("--check-data", "--dataset", "voc")
    assert code == 0 and "verdict: good." in out and "67 images, as published" in out


@real
def test_the_variable_goes_before_the_folder_and_the_grid_and_twice_the_schedule_find_it(
    command, public, tmp_path, monkeypatch
):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "all"))
    code, out, err = command("--check-data", "--dataset", "voc-2x")
    assert (code, out) == (2, "") and named(err) == ["--check-data", "--dataset", "voc-2x", "--download"]
    assert command(*named(err))[0] == 0 and (tmp_path / "all" / "voc" / FOLDER).is_dir()
    assert command("--check-data", "--dataset", "voc")[0] == 0
    line = ("--tables", "5", "7", "--seeds", "0", "--only", "assigner=fcos", "--plan")
    err = command(*line)[2]
    assert "with: python experiments/run.py --check-data --dataset coco --download" in err
    assert "--dataset voc --download" not in err
    (tmp_path / "all").rename(tmp_path / "data")
    assert command("--check-data", "--dataset", "voc")[0] == 0


@real
def test_what_a_cut_download_left_is_no_dataset(command, public):
    public.cuts = [1000, 0, 0, 0]
    code, _, err = command(*TYPED, "--download")
    assert code == 2 and "The 1000 bytes that came are kept" in err
    code, _, err = command(*TYPED)
    assert code == 2 and err.startswith("error: data/voc is empty.") and named(err) == [*TYPED, "--download"]

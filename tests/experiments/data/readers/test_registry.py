"""The readers are the files of their folder, and none is imported before a dataset asks for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.data import readers

REPOSITORY = Path(__file__).parents[4]


def test_the_list_of_readers_is_the_folder_of_readers():
    folder = Path(readers.__file__).parent
    names = [path.stem for path in folder.iterdir() if path.suffix == ".py" and path.name != "__init__.py"]
    assert list(readers.READERS) == sorted(names)
    assert {"coco", "voc", "objects365", "widerface", "shapes"} <= set(names)


@pytest.mark.parametrize("name", readers.READERS)
def test_every_file_of_the_folder_has_a_reader(name):
    reader = readers.reader(name)
    assert isinstance(reader, readers.Reader)
    assert callable(reader.read) and callable(reader.resolve)
    assert callable(reader.sources) == (name != "shapes")  # what is synthetic has no files


def test_a_recipe_imports_no_reader():
    code = (
        "import sys, experiments.data.config as config; prefix = 'experiments.data.readers.';"
        "print(config.READERS, [name for name in sys.modules if name.startswith(prefix)])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == f"{readers.READERS} []\n"

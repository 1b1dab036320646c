"""What is written down of the public datasets."""

from experiments.data.official.sources import SOURCES


def test_every_published_archive_is_fully_described():
    archives = [archive for source in SOURCES.values() for archive in source.archives]
    assert len(archives) == 9 and len({a.sha256 for a in archives}) == 9
    assert all(len(a.sha256) == 64 and int(a.sha256, 16) and a.size > 0 and a.brings for a in archives)
    assert all(url.endswith(a.name) and url.startswith("http") for a in archives for url in a.urls)

import tarfile

import numpy as np
import pytest
import webdataset
from PIL import Image

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import convert
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.mask_codec import mask_api
from instructsam_ros.training.data.readers import shards as reader
from instructsam_ros.training.data.sample import Phrase, Sample
from instructsam_ros.training.data.writers import shards


@pytest.fixture
def data_set(tmp_path):
    class MemorySet:
        format = "memory"

        def read(self, broken):
            for number in range(5):
                path = tmp_path / f"{number}.v1.PNG"
                Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(path)
                masks = np.ones((1, 4, 4), bool)
                yield from broken.count(
                    [Sample(path.name, ImageFile(path).read, "a cup", (Phrase("cup", lambda m=masks: m),))]
                )

    return MemorySet()


def test_a_new_archive_begins_after_so_many_bytes(data_set, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "LARGEST", 100)
    convert([data_set], tmp_path / "out", "shards")
    archives = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in archives] == ["000000.tar", "000001.tar", "000002.tar"]
    names = []
    for path in archives:
        with tarfile.open(path) as tar:
            names += tar.getnames()
    assert names == [f"{number:09d}.{suffix}" for number in range(5) for suffix in ("png", "json")]
    found = list(reader.read(reader.Settings(tmp_path / "out"), BrokenRecords()))
    assert [sample.read()[0, 0, 0] for sample in found] == list(range(5))


def test_the_same_samples_make_the_same_archive(data_set, tmp_path):
    for name in ("one", "two"):
        convert([data_set], tmp_path / name, "shards")
    one, two = ((tmp_path / name / "000000.tar").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_webdataset_library_reads_the_archives(data_set, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "LARGEST", 100)
    convert([data_set], tmp_path / "out", "shards")
    urls = [str(path) for path in sorted((tmp_path / "out").iterdir())]
    piped = webdataset.WebDataset([f"pipe:cat {url}" for url in urls], shardshuffle=False).decode("rgb8")
    for number, (found, own) in enumerate(
        zip(piped, reader.read(reader.Settings(tmp_path / "out"), BrokenRecords()), strict=True)
    ):
        assert found["__key__"] == f"{number:09d}"
        assert np.array_equal(found["png"], own.read())
        (sample,) = found["json"]["samples"]
        assert sample["instruction"] == own.instruction
        (rle,) = sample["phrases"][0]["masks"]
        assert np.array_equal(mask_api().decode(rle)[None], own.masks())

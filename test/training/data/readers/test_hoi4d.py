import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import hoi4d

H, W = 6, 8
SEQUENCE = "ZY20210800001/H1/C8/N19/S100/s02/T1"
TABLE = """Category ID,Category,Lable 1,Lable 2,Lable 3,Lable 4,Lable 5,Lable 6
C2,Mug,Mug,Right Hand,Mug,,,
C8,Bucket,Body of the Bucket,Right Hand,Handle,Body of the Bucket,Handle,Left Hand
"""
RED, GREEN, YELLOW, BLUE = (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "label.csv").write_text(TABLE)
    return tmp_path


def write(folder, boxes, number=0, sequence=SEQUENCE, masks="mask", image=True, orientation=1):
    """Write a frame of a sequence. boxes: colours and the rows and columns that they fill."""
    pixels = np.zeros((H, W, 3), np.uint8)
    for color, rows, columns in boxes:
        pixels[rows, columns] = color
    for name, content in (
        (f"2Dseg/{masks}/{number:05d}.png", pixels),
        (f"align_rgb/{number:05d}.jpg", pixels),
    ):
        path = folder / sequence / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation if path.suffix == ".jpg" else 1
        if image or path.suffix == ".png":
            Image.fromarray(content).save(path, exif=exif)


def read(folder, broken=None, **options):
    settings = hoi4d.Settings(folder, folder, folder / "label.csv", **options)
    return list(hoi4d.read(settings, broken or BrokenRecords()))


def nouns(samples):
    return {sample.phrases[0].text for sample in samples}


def test_colours_are_those_of_the_voc_colour_map():
    colors = [hoi4d.voc_color(number) for number in range(10)]
    assert colors[:5] == [(0, 0, 0), RED, GREEN, YELLOW, BLUE]
    assert colors[5:] == [(128, 0, 128), (0, 128, 128), (128, 128, 128), (64, 0, 0), (192, 0, 0)]
    assert len({hoi4d.voc_color(number) for number in range(256)}) == 256


@pytest.mark.parametrize("masks", ["mask", "shift_mask"])
def test_labels_of_the_category_are_the_nouns(folder, masks):
    write(folder, [(RED, slice(0, 2), slice(0, 3)), (GREEN, 4, slice(2, 5))], masks=masks)
    samples = read(folder, instructions=10)
    assert nouns(samples) == {"body of the bucket", "right hand"}
    for sample in samples:
        area = {"body of the bucket": 6, "right hand": 3}[sample.phrases[0].text]
        assert sample.masks().sum() == area
        assert sample.masks().shape == (1, H, W)
    assert samples[0].image == f"{SEQUENCE}/align_rgb/00000.jpg"
    assert samples[0].read().shape == (H, W, 3)


def test_labels_of_one_name_are_two_objects_neither_of_which_is_named(folder):
    write(folder, [(RED, 0, 0), (BLUE, 1, 1), (GREEN, 2, 2)])
    assert nouns(read(folder)) == {"right hand"}


def test_masks_turn_with_their_image(folder):
    write(folder, [(GREEN, 0, 0)], orientation=6)
    (sample, *_) = read(folder)
    assert sample.read().shape == (W, H, 3)
    assert np.argwhere(sample.masks()[0]).tolist() == [[0, H - 1]]


def test_every_so_many_th_frame(folder):
    for number in range(7):
        write(folder, [(GREEN, 0, 0)], number)
    assert {sample.image[-9:] for sample in read(folder, every=3)} == {"00000.jpg", "00003.jpg", "00006.jpg"}


def test_broken_frames_and_sequences_are_named(folder):
    write(folder, [(GREEN, 0, 0)], 0)
    write(folder, [(GREEN, 0, 0)], 1, image=False)
    write(folder, [((1, 2, 3), 0, 0)], 2)
    write(folder, [(GREEN, 0, 0)], 3)
    (folder / SEQUENCE / "2Dseg/mask/00003.png").write_bytes(b"no image")
    write(folder, [(BLUE, 0, 0)], sequence="x/C2/y")  # the fourth label of a mug is empty
    write(folder, [(GREEN, 0, 0)], sequence="x/C3/y")
    broken = BrokenRecords()
    assert {sample.image for sample in read(folder, broken, every=1)} == {f"{SEQUENCE}/align_rgb/00000.jpg"}
    assert len(broken.problems) == 5
    for part in (
        "00001.png: there is no image",
        "00002.png: the colour (1, 2, 3) has no label",
        "00003.png: cannot decode",
        "the colour (0, 0, 128) has no label",
        "has no category 'C3'",
    ):
        assert any(part in problem for problem in broken.problems), part


def test_masks_of_another_size_are_refused_when_they_are_read(folder):
    write(folder, [(GREEN, 0, 0)])
    Image.fromarray(np.zeros((H + 1, W, 3), np.uint8)).save(folder / SEQUENCE / "align_rgb/00000.jpg")
    with pytest.raises(InvalidInputError, match="its masks are 8x6"):
        read(folder)[0].masks()


def test_what_is_no_such_data_set_is_refused(folder, tmp_path):
    with pytest.raises(InvalidInputError, match="no folder 2Dseg/mask"):
        read(folder)
    write(folder, [(GREEN, 0, 0)])
    (folder / "label.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInputError, match="no table with Category ID"):
        read(folder)
    (folder / "label.csv").unlink()
    with pytest.raises(InvalidInputError, match="cannot read"):
        read(folder)

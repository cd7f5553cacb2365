import json
import os
import resource

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.cli import main
from instructsam_ros.cli.segment import describe
from instructsam_ros.pictures import read_picture
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.types import Instance, PhraseAnswer, Segmentation, Status, tight_box


@pytest.fixture
def picture(tmp_path):
    """A red square on black, BGR, and the path it is written to."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[10:20, 10:30] = (0, 0, 255)
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), image)
    return path


def segment(path, instruction, *options):
    return main(["segment", str(path), instruction, "--model", "fake", *options])


def test_picture_gives_a_table_and_an_overlay(picture, capsys):
    out = picture.parent / "new" / "out.png"
    assert segment(picture, "the red thing", "-o", str(out)) == 0
    header, row, *_ = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["phrase", "score", "pixels"]
    assert row.split() == ["1", "red", "1.00", "200", "10", "10", "30", "20"]
    before, after = cv2.imread(str(picture)), cv2.imread(str(out))
    assert after.shape == before.shape
    assert (after[15, 20] != before[15, 20]).any()
    assert (after[45, 60] == before[45, 60]).all()


def test_default_name_lies_in_the_working_folder(picture, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert segment(picture, "the red thing") == 0
    assert (tmp_path / "elsewhere/scene_segmented.png").exists()


def test_no_target_is_printed_and_is_exit_status_0(picture, capsys):
    out = picture.parent / "out.png"
    assert segment(picture, "the green thing", "-o", str(out)) == 0
    assert "no target: nothing in the image answers" in capsys.readouterr().out
    assert (cv2.imread(str(out)) == cv2.imread(str(picture))).all()


def test_folder_names_unreadable_files_after_doing_the_others(picture, capsys):
    (picture.parent / "broken.jpg").write_bytes(b"no picture")
    (picture.parent / "notes.txt").write_text("skipped")
    out = picture.parent / "out"
    assert segment(picture.parent, "the red thing", "-o", str(out)) == 2
    assert "1 of 2 files are not readable pictures: broken.jpg" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["scene.png"]


def test_video_keeps_frames_and_size(picture, capsys):
    video = picture.parent / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(4):
        writer.write(cv2.imread(str(picture)))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    out = picture.parent / "out.mp4"
    assert segment(video, "the red thing", "-o", str(out)) == 0
    assert "5 frames, 4 of them with a target" in capsys.readouterr().out
    written = cv2.VideoCapture(str(out))
    assert (written.get(cv2.CAP_PROP_FRAME_COUNT), written.get(cv2.CAP_PROP_FPS)) == (5, 10)
    assert written.read()[1].shape == (48, 64, 3)


def test_a_video_is_followed_between_inferences(picture, capsys):
    video = picture.parent / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    pattern = np.random.default_rng(0).integers(0, 60, (120, 160, 3), dtype=np.uint8)
    for step in range(7):
        image = cv2.GaussianBlur(pattern, (0, 0), 2)
        image[40:80, 30 + 2 * step : 70 + 2 * step] = (20, 20, 220)
        writer.write(image)
    writer.release()
    out = picture.parent / "out.mp4"
    assert segment(video, "the red thing", "-o", str(out), "--follow", "--refresh", "3") == 0
    assert "7 frames, 7 of them with a target, 4 followed" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["scene.png", "."])
def test_only_a_video_is_followed(picture, capsys, source):
    assert segment(picture.parent / source, "the red thing", "--follow") == 2
    assert "--follow goes with a video" in capsys.readouterr().err


def test_what_cannot_be_used_is_named(picture, capsys):
    (picture.parent / "broken.png").write_bytes(b"no picture")
    (picture.parent / "empty").mkdir()
    cases = [
        ((picture.parent / "nowhere.png", "red"), "no file or folder"),
        ((picture.parent / "broken.png", "red"), "broken.png is not a readable picture"),
        ((picture.parent / "broken.png", "red", "-o", "x.png"), "broken.png is not a readable picture"),
        ((picture.parent / "empty", "red"), "no picture in"),
        ((picture, "  "), "instruction is empty"),
        ((picture, "red", "-o", str(picture.parent)), "is a folder; name a file"),
        ((picture, "red", "-o", str(picture / "out.png")), "cannot write"),
        ((picture, "red", "--threshold", "0.5"), "backend 'fake': got an unexpected keyword argument"),
        ((picture, "red", "--model-options", "{fail: true}"), "option 'fail' is set"),
        ((picture, "red", "--model-options", "fail"), "--model-options must be a mapping"),
    ]
    for arguments, message in cases:
        assert segment(*arguments) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["out.png", "out", "out.gif", "folder.mp4"])
def test_a_video_is_not_written_under_a_name_of_another_kind(picture, tmp_path, capsys, name):
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(3):
        writer.write(cv2.imread(str(picture)))
    writer.release()
    (tmp_path / "folder.mp4").mkdir()
    # The options would fail, too, but only when the model is loaded.
    assert segment(video, "red", "-o", str(tmp_path / name), "--model-options", "{none: 1}") == 2
    assert ".mp4" in (error := capsys.readouterr().err)
    assert name in error
    assert not (tmp_path / name).is_file()


@pytest.mark.parametrize(("source", "name"), [(".", "taken"), ("scene.png", "out.jpg"), ("scene.png", "out")])
def test_names_are_checked_before_the_model_is_loaded(picture, tmp_path, capsys, source, name):
    (tmp_path / "taken").write_text("")
    assert segment(tmp_path / source, "red", "-o", str(tmp_path / name), "--model-options", "{none: 1}") == 2
    assert name in (error := capsys.readouterr().err)
    assert "backend" not in error


def test_saturated_answers_warn_that_there_may_be_more():
    assert "there may be more" in describe(Segmentation((), "mugs", Status.MAX_INSTANCES))


def test_phrases_without_an_instance_are_named():
    mask = np.ones((2, 3), bool)
    mug = Instance(mask, tight_box(mask), 0.9, "mug")
    phrases = (PhraseAnswer("mug", Status.OK), PhraseAnswer("bowl", Status.NO_TARGET))
    assert "nothing in the image answers: bowl" in describe(
        Segmentation((mug,), "mug, bowl", Status.OK, phrases=phrases)
    )


def test_a_name_with_dots_keeps_all_of_it(picture, monkeypatch, tmp_path):
    """Such as a time stamp of ROS."""
    monkeypatch.chdir(tmp_path)
    for name in ("frame_1699.123.png", "frame_1699.456.png"):
        picture.with_name(name).write_bytes(picture.read_bytes())
        assert segment(tmp_path / name, "the red thing") == 0
    assert (tmp_path / "frame_1699.123_segmented.png").exists()
    assert (tmp_path / "frame_1699.456_segmented.png").exists()
    assert not (tmp_path / "frame_1699.png").exists()


def test_the_input_is_never_the_output(picture, tmp_path, capsys):
    before = picture.read_bytes()
    assert segment(picture, "the red thing", "-o", str(tmp_path / "." / "scene.png")) == 2
    assert segment(tmp_path, "the red thing", "-o", str(tmp_path)) == 2
    assert capsys.readouterr().err.count("is the input") == 2
    assert picture.read_bytes() == before


def test_pictures_that_differ_in_their_suffix_alone_do_not_meet(picture, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "a.bmp", "b.png"):
        cv2.imwrite(str(folder / name), cv2.imread(str(picture)))
    assert segment(folder, "the red thing", "-o", str(tmp_path / "out")) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.bmp.png", "a.png.png", "b.png"]


def test_names_that_are_not_utf8_are_read_and_shown(picture, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    odd = os.fsencode(folder) + b"/x\xff.png"
    with open(odd, "wb") as file:
        file.write(picture.read_bytes())
    assert segment(folder, "the red thing", "-o", str(tmp_path / "out")) == 0
    assert "written: 1 overlays" in capsys.readouterr().out
    assert segment(os.fsdecode(odd), "the red thing", "-o", str(tmp_path / "one.png")) == 0
    with open(os.fsencode(folder) + b"/x\xff.avi", "wb") as file:
        file.write(b"no video")
    assert segment(os.fsdecode(os.fsencode(folder) + b"/x\xff.avi"), "the red thing") == 2
    assert "not UTF-8" in capsys.readouterr().err


def test_a_video_that_breaks_off_is_not_reported_as_whole(picture, tmp_path, capsys):
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(40):
        writer.write(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    writer.release()
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    out = tmp_path / "out.mp4"
    assert segment(video, "the red thing", "-o", str(out)) == 2
    captured = capsys.readouterr()
    assert "written: " in captured.out  # what there is
    assert "of the 40 frames" in captured.err
    assert out.exists()
    assert [p.name for p in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("out", ["file/x.png", "file/x.mp4"])
def test_a_place_that_cannot_be_written_is_named(picture, tmp_path, capsys, out):
    (tmp_path / "file").write_text("")
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    writer.write(cv2.imread(str(picture)))
    writer.release()
    source = picture if out.endswith("png") else video
    assert segment(source, "the red thing", "-o", str(tmp_path / out)) == 2
    assert "file" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_by_exif_as_those_of_data_sets_are(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :8] = (250, 20, 10)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(pixels).save(path, exif=exif)
    np.testing.assert_allclose(read_picture(path).astype(int), ImageFile(path).read().astype(int), atol=12)


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_hidden_colours_are_white_in_files_too(tmp_path, mode):
    picture = Image.new("RGBA", (12, 8), (250, 20, 10, 0))
    picture.paste((20, 20, 220, 255), (0, 0, 6, 4))
    if mode == "P":
        picture = picture.quantize(4)
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    picture.save(path, exif=exif)
    for rgb in (read_picture(path), ImageFile(path).read()):
        assert rgb.shape == (8, 12, 3)
        np.testing.assert_allclose(rgb[-1, -1].astype(int), (20, 20, 220), atol=8)
        np.testing.assert_allclose(rgb[0, 0], 255)


@pytest.fixture
def depth(tmp_path):
    """Options for depth of a wall 0.8 m away, of which the square stands out by a tenth."""
    stored = np.full((48, 64), 800, np.uint16)
    stored[10:20, 10:40] = 700
    cv2.imwrite(str(tmp_path / "depth.png"), stored)
    (tmp_path / "camera.yaml").write_text("{fx: 50, fy: 50, cx: 32, cy: 24, width: 64, height: 48}")
    return ["--depth", str(tmp_path / "depth.png"), "--info", str(tmp_path / "camera.yaml")]


def test_depth_gives_measures_in_metres(picture, depth, capsys):
    assert segment(picture, "the red thing", *depth, "-o", str(picture.parent / "out.png")) == 0
    (row,) = (line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("1 "))
    assert row[:4] == ["1", "red", "1.00", "200"]
    assert float(row[7]) == pytest.approx(0.7)


def test_masks_are_refined_where_that_is_asked_for(picture, depth, capsys):
    out = picture.parent / "out.png"
    assert segment(picture, "the red thing", *depth, "--refine-with-depth", "-o", str(out)) == 0
    (row,) = (line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("1 "))
    assert int(row[3]) >= 280, "of the 300 pixels that stand out"
    changed = (cv2.imread(str(out)) != cv2.imread(str(picture))).any(2)
    assert changed[15, 35]


def test_depth_that_cannot_be_used_is_named(picture, depth, capsys):
    (picture.parent / "folder").mkdir()
    cases = [
        ((picture, "red", *depth[:2]), "belong together"),
        ((picture, "red", "--refine-with-depth"), "needs the depth of the picture"),
        ((picture.parent / "folder", "red", *depth), "--depth belongs to one picture"),
        ((picture, "red", "--depth", str(picture), *depth[2:]), "uint8"),
    ]
    for arguments, message in cases:
        assert segment(*arguments) == 2
        assert message in capsys.readouterr().err


@pytest.fixture
def small_files():
    """Let no file of this process grow beyond 2 kB, as a full disk would not."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_a_video_that_the_disk_does_not_take_is_an_error(tmp_path, capsys, suffix, request):
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for seed in range(20):
        writer.write(np.random.default_rng(seed).integers(0, 256, (48, 64, 3)).astype(np.uint8))
    writer.release()
    request.getfixturevalue("small_files")
    assert segment(video, "the red thing", "-o", str(tmp_path / "out" / f"out.{suffix}")) == 2
    assert "is the disk full" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


def test_the_answer_is_written_as_json(picture, tmp_path):
    out = tmp_path / "answer.json"
    options = ("-o", str(tmp_path / "o.png"), "--json", str(out))
    assert segment(picture, "the red thing and the green one", *options) == 0
    answer = json.loads(out.read_text())
    assert [(p["text"], p["status"]) for p in answer["phrases"]] == [("red", "OK"), ("green", "NO_TARGET")]
    (red,) = answer["instances"]
    assert (red["id"], red["phrase"], red["box"]) == (1, "red", [10, 10, 30, 20])
    assert red["oriented_box"] is None


def test_json_is_of_one_picture(tmp_path, capsys):
    assert main(["segment", str(tmp_path), "the red thing", "--json", str(tmp_path / "a.json")]) == 2
    assert "--json" in capsys.readouterr().err


def test_clicks_are_answered_with_json_and_in_metres(picture, capsys):
    folder = picture.parent
    cv2.imwrite(str(folder / "depth.png"), np.full((48, 64), 800, np.uint16))
    (folder / "camera.json").write_text(
        json.dumps({"width": 64, "height": 48, "fx": 60, "fy": 60, "cx": 31.5, "cy": 23.5})
    )
    words = ["--point", "15,15", "--model", "fake", "-o", str(folder / "out.png")]
    words += ["--json", str(folder / "a.json"), "--depth", str(folder / "depth.png")]
    assert main(["segment", str(picture), *words, "--info", str(folder / "camera.json")]) == 0
    assert "centroid" in capsys.readouterr().out
    answer = json.loads((folder / "a.json").read_text())
    assert answer["instruction"] == "object at 15,15"
    assert answer["instances"][0]["oriented_box"]["size"]
    assert main(["segment", str(picture), "--everything", *words[2:8]]) == 0
    assert json.loads((folder / "a.json").read_text())["instruction"] == "everything"

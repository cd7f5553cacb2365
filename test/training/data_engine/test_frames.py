"""Sharp frames of clips, none twice."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data_engine.frames import (
    Frame,
    FrameCounts,
    FrameSettings,
    blurriness,
    choose_frames,
    read_frames,
)


@pytest.fixture
def photo(scenes):
    return scenes[0].view.rgb


def test_blur_grows_with_the_length_of_a_movement(photo):
    values = [blurriness(photo)]
    for length in (5, 11, 21):
        values.append(blurriness(cv2.blur(photo, (length, 1))))
    assert values == sorted(values)
    assert values[0] < 0.45 < values[2]
    assert blurriness(np.full_like(photo, 80)) == 1.0


def settings(tmp_path, **further):
    return FrameSettings(tmp_path, **further)


def chosen(pictures, limits, step=0.5):
    counts = FrameCounts()
    frames = [Frame(rgb, "v", number, number * step) for number, rgb in enumerate(pictures)]
    return [(frame.number, frame.clip) for frame in choose_frames(frames, limits, counts)], counts


def test_the_sharpest_of_a_window_is_taken(photo, tmp_path):
    blurred = cv2.blur(photo, (15, 15))
    numbers, counts = chosen([blurred, blurred, photo, blurred], settings(tmp_path, every=2.0))
    assert numbers == [(2, 0)]
    assert counts.dropped == {"less sharp": 3}


def test_a_window_without_a_sharp_frame_gives_none(photo, tmp_path):
    numbers, counts = chosen([cv2.blur(photo, (25, 25))] * 3, settings(tmp_path, every=0.4))
    assert numbers == []
    assert counts.dropped["blurred"] == 3


def test_what_has_not_changed_is_a_duplicate(photo, tmp_path):
    moved = np.roll(photo, 80, 1)
    limits = settings(tmp_path, every=0.5, cut=0.0)
    numbers, counts = chosen([photo, photo, moved, moved, photo], limits)
    assert numbers == [(0, 0), (2, 0), (4, 0)]
    assert counts.dropped["duplicate"] == 2


def test_a_cut_begins_a_clip(photo, tmp_path):
    other = 255 - photo
    numbers, counts = chosen([photo, photo, other, other], settings(tmp_path, every=10.0))
    assert [clip for _, clip in numbers] == [0, 1]
    assert counts.cuts == 1


def test_videos_and_pictures_of_a_folder(scenes, tmp_path):
    (tmp_path / "P01").mkdir()
    path = tmp_path / "P01" / "clip.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 480))
    for number in range(40):
        video.write(scenes[number // 20].view.rgb[:, :, ::-1])
    video.release()
    cv2.imwrite(str(tmp_path / "one.png"), scenes[2].view.rgb)
    limits = settings(tmp_path, every=1.0, blur=1.0, same=1.0)
    frames = list(read_frames(limits, FrameCounts()))
    assert {frame.source for frame in frames} == {"P01/clip.avi", "one.png"}
    video_frames = [frame for frame in frames if frame.source == "P01/clip.avi"]
    assert len(video_frames) == 2
    assert video_frames[1].seconds >= 2.0
    assert len(list(read_frames(replace(limits, most=1), FrameCounts()))) == 1


def test_a_folder_without_either_is_an_error(tmp_path):
    with pytest.raises(InvalidInputError, match="neither videos nor pictures"):
        list(read_frames(settings(tmp_path), FrameCounts()))

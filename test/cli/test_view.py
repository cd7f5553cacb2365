"""``instructsam view``: what reaches the viewer, from a picture and from a running node."""

import contextlib

import cv2
import numpy as np
import pytest

from instructsam_ros.cli import main, view
from instructsam_ros.ros.domain import reserve_domain
from instructsam_ros.ros.node_process import NodeProcess


@pytest.fixture
def files(tmp_path):
    """A red square at half a metre: picture, depth, camera."""
    picture = np.full((120, 160, 3), 128, np.uint8)
    picture[40:80, 50:90] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "color.png"), picture)
    cv2.imwrite(str(tmp_path / "depth.png"), np.full((120, 160), 500, np.uint16))
    (tmp_path / "camera.yaml").write_text("{fx: 150, fy: 150, cx: 80, cy: 60, width: 160, height: 120}")
    return {
        "image": str(tmp_path / "color.png"),
        "depth": str(tmp_path / "depth.png"),
        "info": str(tmp_path / "camera.yaml"),
    }


@pytest.fixture
def shown(monkeypatch):
    """Results that the viewer was given; Rerun is not needed."""
    results = []

    class Stand(contextlib.nullcontext):
        def show(self, result, seconds):
            results.append((result, seconds))

        def __enter__(self):
            return self

    monkeypatch.setattr(view, "Viewer", Stand)
    return results


def test_a_picture_with_depth_is_segmented_and_shown(files, shown, capsys):
    depth = ["--depth", files["depth"], "--info", files["info"]]
    assert main(["view", files["image"], "the red thing", "--model", "fake", *depth]) == 0
    (result, _), *others = shown
    assert not others
    assert result.lifted.instances[0].centroid[2] == pytest.approx(0.5)
    assert "1 answer\n" in capsys.readouterr().out


def test_answers_of_a_running_node_are_shown_with_their_images(files, shown, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(reserve_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    parameters = {"model": "fake", "instruction": "the red thing"}
    with (
        NodeProcess("instructsam_ros.ros.cameras.replay_camera_node", files, tmp_path / "camera.log"),
        NodeProcess("instructsam_ros.ros.segment_node", parameters, tmp_path / "node.log") as node,
    ):
        for _ in range(12):
            main(["view", "--seconds", "5"])
            if any(result.lifted.instances and result.frame.rgb.any() for result, _ in shown):
                break
            node.check()
        else:
            pytest.fail(f"no answer with its image; {node.tail()}")
    result, seconds = shown[-1]
    assert result.frame.rgb[60, 70].tolist() == [255, 0, 0]
    assert result.instruction == "the red thing"
    assert seconds > 1e9


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["picture.png"], "needs an instruction"),
        (["--out", "a.mp4", "--seconds", "1"], "ends in .rrd"),
        (["missing.png", "the mug"], "missing.png"),
    ],
)
def test_what_cannot_be_shown_is_told(arguments, reason, shown, capsys):
    assert main(["view", *arguments]) == 2
    assert reason in capsys.readouterr().err

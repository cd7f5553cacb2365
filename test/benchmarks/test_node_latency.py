"""The benchmark of the node: its scene and its table."""

import cv2
import numpy as np

from benchmarks import node_latency
from benchmarks.node_latency import COLUMNS, Measured, line, row, stage_rows, write_scene
from instructsam_ros.camera_files import read_camera
from instructsam_ros.segmenter import load
from instructsam_ros.yaml_config import parse_mapping


def test_the_scene_has_one_size_and_three_instances_for_the_fake_model(tmp_path):
    scene = write_scene(tmp_path, 1280, 720)
    rgb, depth = cv2.imread(str(scene.image)), cv2.imread(str(scene.depth), cv2.IMREAD_UNCHANGED)
    camera = read_camera(scene.info)
    assert rgb.shape[:2] == depth.shape == (camera.height, camera.width) == (720, 1280)
    assert 500 < np.median(depth[depth > 0]) < 2000
    fake = load("fake", **parse_mapping(scene.fake_options, "options"))
    assert len(fake.segment_image(rgb, node_latency.INSTRUCTION).instances) == 3


def test_a_run_is_a_line_of_the_table():
    run = Measured(4.5, 8.0, 1.5, 500.0, [0.1, 0.2, 0.3], [0.01, 0.02, 0.03], 3, {"lift": 2.0})
    cells = " ".join(row("compact", "640x480", 30, "busy", run, 10.0).split())
    assert cells == "compact 640x480 30 busy 8.0 0.80 200 290 20.0 150 500 4.5 3"
    assert len(row("compact", "640x480", 30, "", run, None)) == len(line(*COLUMNS))
    assert [text.split() for text in stage_rows({"a": run})][1] == ["a", "2.0"]

"""Requests to a stand-in of a grasp server, and its grasps."""

import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from examples.grasp_server import ask, poses_of, request_of
from instructsam_ros.ros.output.messages import header_of
from instructsam_ros.ros.output.publishers import points_message, scene_message


def grasps_of(body):
    given = np.load(io.BytesIO(body))
    rows = []
    for number in np.unique(given["segmentation"]):
        centre = given["points"][given["segmentation"] == number].mean(0)
        rows.append([0.1 * number, 0.05, 0.02, 0.02, *np.eye(3).ravel(), *centre, number])
    return np.array(rows)


class Server(BaseHTTPRequestHandler):
    """Grasps the centroid of every object, as a network would that reads points and segmentation."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = io.BytesIO()
        np.savez(reply, grasps=grasps_of(body) if self.path == "/grasps" else np.zeros(3))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(reply.getvalue())

    def log_message(self, *_args):
        pass


@pytest.fixture
def url():
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_grasps_of_the_instances_come_back_in_the_cameras_frame(url, frame_result):
    scene, instances = scene_message(frame_result), points_message(frame_result)
    request = request_of(scene, instances)
    sent = np.load(io.BytesIO(request))
    assert len(sent["points"]) == scene.width + instances.width
    assert set(sent["segmentation"]) == {0, 1}
    assert 0 <= sent["colors"].min() <= sent["colors"].max() <= 1
    grasps = ask(f"{url}/grasps", request)
    poses = poses_of(grasps, header_of(frame_result), {1})
    assert poses.header.frame_id == "camera"
    (pose,) = poses.poses
    place = [pose.position.x, pose.position.y, pose.position.z]
    np.testing.assert_allclose(place, frame_result.result.lifted.instances[0].centroid, atol=1e-3)


def test_another_reply_is_refused(url):
    with pytest.raises(ValueError, match=r"not \[M, 17\]"):
        ask(f"{url}/nonsense", b"")


def test_a_server_that_is_away_is_an_os_error():
    with pytest.raises(OSError, match="refused"):
        ask("http://127.0.0.1:1/grasps", b"")

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from instructsam_ros.msg import Instance, InstanceArray, Timing
from instructsam_ros.ros.conversions import cloud_from_points
from instructsam_ros.ros.output.message_reader import result_of
from instructsam_ros.types import Status

RGB = np.full((6, 8, 3), 90, np.uint8)


def instance(**values: object) -> Instance:
    mask = Image(height=2, width=3, step=4, encoding="mono8", data=bytes([255, 0, 255, 9, 0, 255, 0, 9]))
    region = RegionOfInterest(x_offset=4, y_offset=1, width=3, height=2)
    return Instance(**{"id": 7, "phrase": "mug", "score": 0.5, "box": region, "mask": mask, **values})


def test_the_mask_is_put_back_where_its_box_is():
    found = result_of(InstanceArray(instances=[instance()]), RGB).segmentation.instances[0]
    assert {tuple(at) for at in np.argwhere(found.mask)} == {(1, 4), (1, 6), (2, 5)}
    assert found.box.tolist() == [4, 1, 7, 3]
    assert (found.phrase, found.score) == ("mug", 0.5)


def test_geometry_and_flags_come_over():
    turned = Quaternion(x=0.0, y=0.0, z=np.sqrt(0.5), w=np.sqrt(0.5))
    message = instance(
        points=cloud_from_points(
            np.array([[0.1, 0.2, 0.9]], np.float32), np.array([[1, 2, 3]], np.uint8), Header()
        ),
        centroid=Point(x=0.1, y=0.2, z=0.9),
        pose=Pose(position=Point(z=1.0), orientation=turned),
        size=Vector3(x=0.3, y=0.2, z=0.1),
        valid_depth_ratio=0.25,
        flags=Instance.FLAG_TRUNCATED | Instance.FLAG_GRAVITY_ALIGNED,
    )
    lifted = result_of(InstanceArray(instances=[message]), RGB).lifted.instances[0]
    assert (lifted.id, lifted.valid_depth_ratio) == (7, 0.25)
    assert (lifted.truncated, lifted.low_depth, lifted.no_depth) == (True, False, False)
    assert lifted.box is not None
    assert lifted.gravity_aligned
    np.testing.assert_allclose(lifted.box.rotation @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(lifted.box.size, [0.3, 0.2, 0.1])
    np.testing.assert_allclose(lifted.centroid, [0.1, 0.2, 0.9])
    np.testing.assert_array_equal(lifted.points, np.array([[0.1, 0.2, 0.9]], np.float32))
    np.testing.assert_array_equal(lifted.colors, [[1, 2, 3]])


def test_an_instance_without_points_has_no_box():
    lifted = result_of(
        InstanceArray(instances=[instance(flags=Instance.FLAG_NO_DEPTH)]), RGB
    ).lifted.instances[0]
    assert lifted.box is None
    assert lifted.no_depth
    assert len(lifted.points) == 0


def test_the_answer_itself():
    message = InstanceArray(
        instruction="the cat", answer="nothing", status=1, timings=[Timing(stage="encode", seconds=0.5)]
    )
    result = result_of(message, RGB)
    assert (result.instruction, result.segmentation.answer) == ("the cat", "nothing")
    assert result.segmentation.status is Status.NO_TARGET
    assert dict(result.timings) == {"encode": 0.5}
    assert result.ids == ()

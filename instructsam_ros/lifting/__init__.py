"""Metric geometry from masks and depth: clouds, boxes, support plane, refined masks. Numpy and OpenCV."""

from instructsam_ros.lifting.box import OrientedBox, fit_box
from instructsam_ros.lifting.depth import decode_depth, share_outside, to_metres
from instructsam_ros.lifting.depth_refinement import RefinementSettings, refine_on_plane, refine_with_depth
from instructsam_ros.lifting.grasp import GraspGeometry, grasp_geometry
from instructsam_ros.lifting.lift import LiftedInstance, LiftedScene, lift, scene_points
from instructsam_ros.lifting.outliers import without_specks
from instructsam_ros.lifting.plane import Plane, fit_plane
from instructsam_ros.lifting.projection import pixel_rays, project, visible_pixel
from instructsam_ros.lifting.scene_plane import plane_under
from instructsam_ros.lifting.settings import LiftSettings

__all__ = [
    "GraspGeometry",
    "LiftSettings",
    "LiftedInstance",
    "LiftedScene",
    "OrientedBox",
    "Plane",
    "RefinementSettings",
    "decode_depth",
    "fit_box",
    "fit_plane",
    "grasp_geometry",
    "lift",
    "pixel_rays",
    "plane_under",
    "project",
    "refine_on_plane",
    "refine_with_depth",
    "scene_points",
    "share_outside",
    "to_metres",
    "visible_pixel",
    "without_specks",
]

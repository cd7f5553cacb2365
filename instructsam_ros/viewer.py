"""Results in Rerun, a viewer of pictures, points and boxes over time (extra ``viz``)."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from instructsam_ros.errors import MissingDependencyError
from instructsam_ros.pipeline import Result
from instructsam_ros.visualization import label_image

TIMELINE = "image"


class Viewer:
    """A Rerun recording of results, in its window or in a file that ``rerun FILE`` opens. A context manager.

    out: file that ends in .rrd, or None for the window. Raises MissingDependencyError without the extra.
    """

    def __init__(self, out: Path | None = None) -> None:
        try:
            import rerun
        except ImportError:
            raise MissingDependencyError(
                "the viewer needs Rerun: pip install 'instructsam-ros[viz]'"
            ) from None
        self._rerun: Any = rerun
        self._recording = rerun.RecordingStream("instructsam")
        self._shown: set[str] = set()
        if out is None:
            self._recording.spawn()
        else:
            out.parent.mkdir(parents=True, exist_ok=True)
            self._recording.save(str(out))

    def __enter__(self) -> Viewer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recording.flush()
        self._recording.disconnect()

    def show(self, result: Result, seconds: float) -> None:
        """Add a result at a time, in seconds: picture, masks, a cloud and a box for each id, and stage times.

        Geometry is drawn in the frame that it has, metres.
        """
        rr, recording = self._rerun, self._recording
        recording.set_time(TIMELINE, timestamp=seconds)
        instances, ids = result.segmentation.instances, result.ids
        recording.log("picture", rr.Image(result.frame.rgb))
        labels = label_image(instances, ids, result.frame.rgb.shape[:2])
        recording.log("picture/masks", rr.SegmentationImage(labels, opacity=0.5))
        recording.log("answer", rr.TextLog(f"{result.instruction}: {result.segmentation.answer}"))
        clouds = {f"scene/points/{lifted.id}": lifted for lifted in result.lifted.instances}
        for gone in self._shown - clouds.keys():
            recording.log(gone, rr.Clear(recursive=True))
        self._shown = set(clouds)
        for path, lifted in clouds.items():
            recording.log(path, rr.Points3D(lifted.points, colors=lifted.colors))
        boxed = [(each.id, each.instance.phrase, each.box) for each in result.lifted.instances if each.box]
        recording.log(
            "scene/boxes",
            rr.Boxes3D(
                centers=[box.centre for _, _, box in boxed],
                half_sizes=[box.size / 2 for _, _, box in boxed],
                quaternions=[box.quaternion for _, _, box in boxed],
                labels=[f"{number} {phrase}" for number, phrase, _ in boxed],
            ),
        )
        for stage, spent in result.timings.items():
            recording.log(f"milliseconds/{stage}", rr.Scalars(1000 * spent))

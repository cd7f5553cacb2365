"""Synchronisation of images and depth images by stamp, with or without message_filters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any

from instructsam_ros.errors import InvalidInputError

OnPair = Callable[[Any, Any], None]
QUEUE_SIZE = 30
"""Maximum number of unmatched images, and of depth images: one second at 30 Hz."""
PERIOD_WINDOW = 10
"""Number of intervals between messages from which the period of a topic is estimated."""
NANOSECONDS = 1_000_000_000
STEP_BACK = NANOSECONDS
"""A stamp this many nanoseconds before the last of its topic is a clock reset, or a bag that restarted."""


def make_synchroniser(on_pair: OnPair, slop: float) -> Synchroniser:
    """Build a FilterSynchroniser where message_filters is installed, else a SmallSynchroniser.

    slop: seconds; 0 for equal stamps.
    """
    try:
        return FilterSynchroniser(on_pair, slop)
    except ImportError:
        return SmallSynchroniser(on_pair, slop)


class PairTolerance:
    """Maximum stamp difference of a pair: ``slop`` seconds, and at most half the period of the faster topic.

    With a larger tolerance a lost message would shift all later pairs: image k+1 would match depth k, whose
    image was lost, then image k+2 depth k+1, and so on.
    """

    MIN_INTERVALS = 3
    """Number of positive intervals from which the period of a topic is estimated."""

    def __init__(self, slop: float) -> None:
        self._slop_ns = round(slop * NANOSECONDS)
        self._last: dict[str, int] = {}
        self._intervals: dict[str, deque[int]] = {
            name: deque(maxlen=PERIOD_WINDOW) for name in ("image", "depth")
        }

    def add(self, topic: str, stamp: int) -> None:
        """Record a stamp of "image" or "depth"."""
        interval = stamp - self._last.get(topic, stamp)
        self._last[topic] = stamp
        if interval > 0:
            self._intervals[topic].append(interval)

    @property
    def limit_ns(self) -> int:
        """The current tolerance, nanoseconds."""
        if any(len(intervals) < self.MIN_INTERVALS for intervals in self._intervals.values()):
            return self._slop_ns
        return min(self._slop_ns, int(min(median(intervals) for intervals in self._intervals.values()) / 2))


class Synchroniser(ABC):
    """Base class: calls ``on_pair(image, depth)`` for every match, with a lock held, so it must be short.

    Not thread-safe; both subscriptions share a mutually exclusive callback group. After a step back of the
    clock the queues are cleared: their messages have stamps from before the reset, and message_filters, which
    drops the lowest stamps, would drop all new messages instead.
    """

    def __init__(self, on_pair: OnPair, slop: float) -> None:
        self._on_pair = on_pair
        self._slop = slop
        self._tolerance = PairTolerance(slop)
        self._last: dict[str, int] = {}
        self._clear()

    def add_image(self, message: Any) -> None:
        """Add an image; may call ``on_pair``."""
        self._add("image", message)

    def add_depth(self, message: Any) -> None:
        """Add a depth image; may call ``on_pair``."""
        self._add("depth", message)

    def _add(self, topic: str, message: Any) -> None:
        stamp = stamp_ns(message)
        if stamp < self._last.get(topic, stamp) - STEP_BACK:
            self._last.clear()  # the other topic steps back, too, and must not clear the queues again
            self._clear()
        self._last[topic] = stamp
        self._tolerance.add(topic, stamp)
        self._match(topic, message)

    @abstractmethod
    def _clear(self) -> None:
        """Clear the queues."""

    @abstractmethod
    def _match(self, topic: str, message: Any) -> None:
        """Add a message of "image" or "depth"; call ``on_pair`` if there is a match."""


class SmallSynchroniser(Synchroniser):
    """Synchroniser of a new message with the nearest one of the other topic within the tolerance.

    Messages older than a match are dropped, and those before the last QUEUE_SIZE unmatched ones in order of
    arrival; stamps may step back a little.
    """

    def _clear(self) -> None:
        self._queues: dict[str, dict[int, Any]] = {"image": {}, "depth": {}}

    def _match(self, topic: str, message: Any) -> None:
        own, others = self._queues[topic], self._queues["depth" if topic == "image" else "image"]
        stamp = stamp_ns(message)
        own.pop(stamp, None)  # a repeated stamp moves to the end of the queue
        own[stamp] = message
        if len(own) > QUEUE_SIZE:
            del own[next(iter(own))]
        nearest = min(others, key=lambda other: abs(other - stamp), default=None)
        if nearest is None or abs(nearest - stamp) > self._tolerance.limit_ns:
            return
        pair = (own[stamp], others[nearest])
        for queue, limit in ((own, stamp), (others, nearest)):
            for old in [key for key in queue if key <= limit]:
                del queue[old]
        image, depth = pair if topic == "image" else pair[::-1]
        self._on_pair(image, depth)


class FilterSynchroniser(Synchroniser):
    """Synchroniser that uses message_filters. Raises ImportError where it is not installed."""

    def __init__(self, on_pair: OnPair, slop: float) -> None:
        import message_filters
        from rclpy.duration import Duration

        self._filters, self._duration = message_filters, Duration
        super().__init__(on_pair, slop)

    def _clear(self) -> None:
        self._inputs = {topic: self._filters.SimpleFilter() for topic in ("image", "depth")}
        inputs = list(self._inputs.values())
        self._filter = (
            self._filters.ApproximateTimeSynchronizer(inputs, QUEUE_SIZE, self._slop)
            if self._slop > 0
            else self._filters.TimeSynchronizer(inputs, QUEUE_SIZE)
        )
        self._filter.registerCallback(self._on_pair)

    def _match(self, topic: str, message: Any) -> None:
        if self._slop > 0:
            self._filter.slop = self._duration(nanoseconds=self._tolerance.limit_ns)
        self._inputs[topic].signalMessage(message)


def stamp_ns(message: Any) -> int:
    """Return the stamp of a message's header in nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def check_stamp(message: Any, name: str) -> None:
    """Raise InvalidInputError for a negative stamp, with which rclpy and message_filters fail."""
    if (stamp := stamp_ns(message)) < 0:
        seconds = stamp / NANOSECONDS
        raise InvalidInputError(
            f"{name} has a negative stamp ({seconds:.3f} s); stamp it with its acquisition time"
        )

"""Pairs each image with its depth image by stamp; message_filters' behaviour with or without it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any

from instructsam_ros.errors import InvalidInputError

OnPair = Callable[[Any, Any], None]
QUEUE_SIZE = 30
"""Images, and depth images, that may wait for each other: a second of 30 Hz."""
PACE = 10
"""Gaps between messages from which the pace of a topic is taken."""
NANOSECONDS = 1_000_000_000
STEP_BACK = NANOSECONDS
"""A stamp this much before the last one of its topic means another time: a clock set, a bag begun again."""


def make_synchroniser(on_pair: OnPair, slop: float) -> Synchroniser:
    """message_filters where it is installed, else SmallSynchroniser. slop: seconds; 0 for equal stamps."""
    try:
        return FilterSynchroniser(on_pair, slop)
    except ImportError:
        return SmallSynchroniser(on_pair, slop)


class Closeness:
    """How far apart the stamps of a pair may be: ``slop`` seconds, and at most half of what usually lies
    between two messages of the faster topic.

    Any farther, another one of these is nearer, even if it was lost or has yet to come. Image k+1 would
    take depth k, whose image was lost; that leaves depth k+1 to image k+2, and so on for good.
    """

    FEWEST = 3
    """Messages between which time has passed before a topic's pace counts as known."""

    def __init__(self, slop: float) -> None:
        self._slop_ns = round(slop * NANOSECONDS)
        self._last: dict[str, int] = {}
        self._gaps: dict[str, deque[int]] = {name: deque(maxlen=PACE) for name in ("image", "depth")}

    def see(self, topic: str, stamp: int) -> None:
        """Take note of a stamp of "image" or "depth"."""
        gap = stamp - self._last.get(topic, stamp)
        self._last[topic] = stamp
        if gap > 0:
            self._gaps[topic].append(gap)

    @property
    def limit_ns(self) -> int:
        """What holds now, nanoseconds."""
        if any(len(gaps) < self.FEWEST for gaps in self._gaps.values()):
            return self._slop_ns
        return min(self._slop_ns, int(min(median(gaps) for gaps in self._gaps.values()) / 2))


class Synchroniser(ABC):
    """Calls ``on_pair(image, depth)`` once for every match. The callback must only store: it runs locked.

    One thread at a time; the callback group of both subscriptions sees to that. After a step back of the
    clock it starts anew: what waits comes from another time, whose stamps come again, and in
    message_filters, which lets the lowest stamps go, it would push out everything that comes.
    """

    def __init__(self, on_pair: OnPair, slop: float) -> None:
        self._on_pair = on_pair
        self._slop = slop
        self._closeness = Closeness(slop)
        self._last: dict[str, int] = {}
        self._start()

    def add_image(self, message: Any) -> None:
        """Take an image; may call ``on_pair``."""
        self._add("image", message)

    def add_depth(self, message: Any) -> None:
        """Take a depth image; may call ``on_pair``."""
        self._add("depth", message)

    def _add(self, topic: str, message: Any) -> None:
        stamp = stamp_ns(message)
        if stamp < self._last.get(topic, stamp) - STEP_BACK:
            self._last.clear()  # the other topic steps back too, and must not start anew once more
            self._start()
        self._last[topic] = stamp
        self._closeness.see(topic, stamp)
        self._match(topic, message)

    @abstractmethod
    def _start(self) -> None:
        """Let go of all that waits."""

    @abstractmethod
    def _match(self, topic: str, message: Any) -> None:
        """Take a message of "image" or "depth"; call ``on_pair`` if its match waits."""


class SmallSynchroniser(Synchroniser):
    """Matches a new message with the nearest other one that is close enough.

    What is older than a match, and what came before the last QUEUE_SIZE messages without one, is let go;
    by its arrival, not by its stamp, since clocks step back a little too.
    """

    def _start(self) -> None:
        self._queues: dict[str, dict[int, Any]] = {"image": {}, "depth": {}}

    def _match(self, topic: str, message: Any) -> None:
        own, others = self._queues[topic], self._queues["depth" if topic == "image" else "image"]
        stamp = stamp_ns(message)
        own.pop(stamp, None)  # a repeated stamp counts as arrived now
        own[stamp] = message
        if len(own) > QUEUE_SIZE:
            del own[next(iter(own))]
        nearest = min(others, key=lambda other: abs(other - stamp), default=None)
        if nearest is None or abs(nearest - stamp) > self._closeness.limit_ns:
            return
        pair = (own[stamp], others[nearest])
        for queue, limit in ((own, stamp), (others, nearest)):
            for old in [key for key in queue if key <= limit]:
                del queue[old]
        image, depth = pair if topic == "image" else pair[::-1]
        self._on_pair(image, depth)


class FilterSynchroniser(Synchroniser):
    """The same through message_filters. Raises ImportError where it is not installed."""

    def __init__(self, on_pair: OnPair, slop: float) -> None:
        import message_filters
        from rclpy.duration import Duration

        self._filters, self._duration = message_filters, Duration
        super().__init__(on_pair, slop)

    def _start(self) -> None:
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
            self._filter.slop = self._duration(nanoseconds=self._closeness.limit_ns)
        self._inputs[topic].signalMessage(message)


def stamp_ns(message: Any) -> int:
    """The stamp of a message's header in nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def check_stamp(message: Any, name: str) -> None:
    """Raise InvalidInputError for a negative stamp: rclpy has no such time, message_filters would stop."""
    if (stamp := stamp_ns(message)) < 0:
        seconds = stamp / NANOSECONDS
        raise InvalidInputError(f"{name} has a negative stamp ({seconds:.3f} s); stamp it with its capture")

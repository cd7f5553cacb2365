"""The thread of the model: one for everything, whatever a task raises."""

import threading
import weakref

import pytest

from instructsam_ros.errors import InstructSamError
from instructsam_ros.ros.model_thread import ModelThread


class Panic(BaseException):
    """As a library in Rust raises it."""


class Model:
    """Something to be released."""


@pytest.fixture
def thread():
    before = set(threading.enumerate())
    thread = ModelThread()
    yield thread
    thread.close(60)
    assert "model" not in [alive.name for alive in set(threading.enumerate()) - before]


def test_all_tasks_run_in_one_thread_also_after_failures(thread):
    def fail():
        raise Panic("index out of bounds")

    names = [thread.submit(threading.get_ident).result(60)]
    assert isinstance(thread.submit(fail).exception(60), InstructSamError)
    names.append(thread.submit(threading.get_ident).result(60))
    assert names[0] == names[1] != threading.get_ident()


def test_it_keeps_nothing_of_a_task_that_is_done(thread):
    loaded = thread.submit(Model)
    gone = weakref.ref(loaded.result(60))
    thread.submit(lambda: None).result(60)
    del loaded
    assert gone() is None

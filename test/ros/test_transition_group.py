"""Which callbacks of the lifecycle may run beside each other."""

import pytest

pytest.importorskip("rclpy")
from lifecycle_msgs.srv import ChangeState, GetState

from instructsam_ros.ros.transition_group import TransitionGroup
from instructsam_ros.srv import SetModel


class Entity:
    """A service, or a timer where srv_type is None."""

    def __init__(self, srv_type=None):
        if srv_type is not None:
            self.srv_type = srv_type


@pytest.mark.parametrize("kind", [ChangeState, SetModel])
def test_transitions_and_timers_exclude_each_other_and_questions_none(kind):
    group = TransitionGroup()
    change, timer, questions = Entity(kind), Entity(), [Entity(GetState), Entity(GetState)]
    for entity in (change, timer, *questions):
        group.add_entity(entity)
    assert group.beginning_execution(change)
    assert not group.can_execute(timer)
    for question in questions:
        assert group.can_execute(question)
        assert group.beginning_execution(question)
    group.ending_execution(questions[0])
    assert not group.can_execute(timer)
    group.ending_execution(change)
    assert group.beginning_execution(timer)

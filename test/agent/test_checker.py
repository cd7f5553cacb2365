import numpy as np
import pytest

from instructsam_ros.agent.checker import accepts, read_verdict
from instructsam_ros.agent.trace import Trace
from instructsam_ros.errors import BudgetError, ChatError
from instructsam_ros.models.vlm.budget import Budget, Spending
from test.agent.chats import Script

RGB = np.zeros((20, 30, 3), np.uint8)
MASK = RGB[..., 0] == 0


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("It is. <verdict>Accept</verdict>", True),
        ("<verdict> reject. </verdict>", False),
        ("<verdict>Accept</verdict> no, <verdict>Rejected</verdict>", False),
        ("I would <verdict>Reject", False),
        ("Accept", True),
        (" **Rejected.** ", False),
        ("I cannot accept or reject", None),
        ("<verdict>Accept or Reject</verdict>", None),
        ("", None),
    ],
)
def test_verdicts_are_read(text, verdict):
    assert read_verdict(text) is verdict


def check(chat, calls=10):
    spending = Spending(Budget(calls=calls))
    options = {"retries": 2, "spending": spending, "trace": Trace(None, ""), "cancel": None}
    return accepts(chat, RGB, MASK, "the cups", **options), spending.calls


def test_three_pictures_and_the_query_are_shown():
    chat = Script("<verdict>Accept</verdict>")
    assert check(chat) == (True, 1)
    system, question = chat.seen[0]
    assert system.role == "system"
    assert len(question.pictures) == 3
    assert "the cups" in question.text


def test_a_reply_without_verdict_is_asked_again_and_counted():
    chat = Script("well...", "", "<verdict>Reject</verdict>")
    assert check(chat) == (False, 3)
    assert [m.role for m in chat.seen[-1]] == ["system", "user"] + ["assistant", "user"] * 2


def test_no_verdict_at_all_is_an_error():
    with pytest.raises(ChatError, match="no verdict about a mask in 3 replies"):
        check(Script("well..."))
    with pytest.raises(BudgetError):
        check(Script("well..."), calls=2)

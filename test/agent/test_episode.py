"""Conversations with scripted models about a picture of two red and one blue square."""

import numpy as np
import pytest

from instructsam_ros.agent.episode import Episode
from instructsam_ros.agent.trace import Trace
from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.errors import BudgetError, CancelledError, ChatError, InstructSamError
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import Reply, ToolCall
from instructsam_ros.types import Instance, Segmentation, Status, tight_box
from test.agent.chats import Script, call, segment, select

RGB = np.full((60, 80, 3), 160, np.uint8)
RGB[5:25, 5:25] = RGB[5:20, 50:65] = (220, 20, 20)
RGB[40:55, 30:45] = (20, 20, 220)
ACCEPT, REJECT = "<verdict>Accept</verdict>", "<verdict>Reject</verdict>"


def episode(chat, instruction="the red one on the left", find=None, calls=20, retries=2, cancel=None):
    fake = FakeSegmenter()
    find = find or (lambda phrase: fake.segment(fake.encode(RGB), phrase))
    options = {"spending": Spending(Budget(calls=calls)), "trace": Trace(None, ""), "retries": retries}
    return Episode(chat, find, RGB, instruction, cancel=cancel, **options)


def test_the_chosen_masks_are_returned():
    chat = Script(segment("red"), select(2))
    outcome = episode(chat).run()
    (instance,) = outcome.instances
    assert instance.box.tolist() == [50, 5, 65, 20]
    assert (instance.phrase, outcome.phrases, outcome.complete) == ("red", ("red",), True)
    system, query, asked, told, shown = chat.seen[1]
    assert (system.role, asked.call.name, told.call) == ("system", "segment_phrase", asked.call)
    assert "'red' found 2 masks" in told.text
    assert "Phrases searched so far: 'red'" in query.text
    assert len(query.pictures) == len(shown.pictures) == 1


def test_an_absent_target_is_an_answer():
    chat = Script(segment("green"), segment("plant"), call("report_no_mask"))
    outcome = episode(chat, "the plant").run()
    assert outcome.instances == ()
    assert outcome.phrases == ("green", "plant")
    assert "found nothing. Try another phrase" in chat.seen[1][-1].text
    assert episode(Script(call("report_no_mask"))).run().instances == ()


def test_a_new_search_forgets_the_old_one_and_at_most_two_pictures_are_shown():
    checks = [call("examine_each_mask"), ACCEPT, ACCEPT]
    chat = Script(segment("red"), *checks, segment("blue"), call("examine_each_mask"), ACCEPT, select(1))
    (instance,) = episode(chat, calls=50).run().instances
    assert instance.phrase == "blue"
    conversations = [
        messages for messages in chat.seen if "one tool per turn" in messages[0].text.replace("\n", " ")
    ]
    assert max(sum(len(m.pictures) for m in messages) for messages in conversations) == 2
    assert not any("'red' found" in m.text for m in conversations[-1])
    assert sum(m.role == "tool" for m in conversations[-1]) == 2


def test_rejected_masks_are_deleted_and_the_rest_numbered_anew():
    chat = Script(segment("red"), call("examine_each_mask"), REJECT, ACCEPT, select(1))
    (instance,) = episode(chat).run().instances
    assert instance.box.tolist() == [50, 5, 65, 20]
    assert "1 of 2 masks were accepted" in chat.seen[-1][-2].text


def test_after_all_were_rejected_there_are_no_masks():
    chat = Script(
        segment("red"), call("examine_each_mask"), REJECT, REJECT, select(1), segment("blue"), select(1)
    )
    assert episode(chat).run().instances[0].phrase == "blue"
    assert "All masks were rejected" in chat.seen[4][-1].text
    assert "there are no masks" in chat.seen[5][-1].text


BROKEN = [
    ("no call", "I see two squares.", "the reply calls no tool. Call exactly one tool"),
    ("nothing", Reply(""), "the reply calls no tool"),
    ("bad JSON", Reply("", (), ("the arguments are not valid JSON: {",)), "not valid JSON"),
    ("cut off", Reply("I think that", cut_off=True), "cut off: be brief"),
    ("unknown tool", call("paint_mask"), "no tool 'paint_mask'; there are segment_phrase"),
    ("wrong name", call("segment_phrase", phrase="red"), "takes text_prompt alone, got phrase"),
    ("wrong first tool", call("examine_each_mask"), "call segment_phrase first"),
    ("too early", select(1), "call segment_phrase first"),
    ("arguments", call("report_no_mask", why="so"), "takes no arguments"),
]


@pytest.mark.parametrize(("reply", "told"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_mistake_is_answered_and_a_row_of_them_ends_the_conversation(reply, told):
    chat = Script(reply, reply, segment("red"), reply, select(1)) if reply != BROKEN[7][1] else None
    if chat is not None and told not in ("call segment_phrase first",):
        assert len(episode(chat).run().instances) == 1
        assert told in chat.seen[1][-1].text
    endless = Script(reply)
    with pytest.raises(ChatError, match="script made 3 mistakes in a row; the last: "):
        episode(endless).run()
    assert len(endless.seen) == 3
    assert told in endless.seen[1][-1].text


def test_of_several_calls_the_first_is_carried_out():
    both = Reply("", (ToolCall("segment_phrase", {"text_prompt": "red"}, "a"), *select(1).calls))
    chat = Script(both, select(1))
    assert len(episode(chat).run().instances) == 1
    assert len(chat.seen) == 2


@pytest.mark.parametrize(
    "chat",
    [
        lambda: Script(*(segment(f"thing {i}") for i in range(100))),  # "try again" without an end
        lambda: Script(
            *[reply for i in range(50) for reply in (segment(f"{'very ' * i}red"), call("nothing"))]
        ),
        lambda: Script(
            segment("red"), call("examine_each_mask"), ACCEPT, ACCEPT, call("examine_each_mask"), ACCEPT
        ),
    ],
)
def test_endless_conversations_end_within_the_budget(chat):
    chat = chat()
    with pytest.raises((BudgetError, ChatError)):
        episode(chat, calls=7).run()
    assert len(chat.seen) <= 7


def test_cancelling_works_between_calls():
    polls = iter([False, False, True])
    chat = Script(*(segment(f"thing {i}") for i in range(100)))
    with pytest.raises(CancelledError):
        episode(chat, cancel=lambda: next(polls)).run()
    assert len(chat.seen) == 2


def test_what_the_segmenter_cannot_do_is_raised():
    def fail(phrase):
        raise InstructSamError("no memory")

    with pytest.raises(InstructSamError, match="no memory"):
        episode(Script(segment("red")), find=fail).run()


def test_masks_are_distinct_at_most_a_hundred_and_missing_ones_told():
    def many(phrase):
        masks = [np.zeros((60, 80), bool) for _ in range(120)]
        for index, mask in enumerate(masks):
            mask[index % 60, 40 * (index // 60) : 40 * (index // 60) + 5] = True
        instances = [Instance(mask, tight_box(mask), 0.5, "x") for mask in masks]
        return Segmentation((*instances, *instances), "x", Status.OK)

    outcome = episode(Script(segment("line"), select(*range(1, 101))), find=many).run()
    assert len(outcome.instances) == 100
    assert not outcome.complete

    def saturated(phrase):
        result = FakeSegmenter().segment_image(RGB, phrase)
        return Segmentation(result.instances, result.answer, Status.MAX_INSTANCES)

    assert not episode(Script(segment("red"), select(1)), find=saturated).run().complete

"""A chat model that plays a script."""

from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.models.vlm.chat import Reply, ToolCall


def call(name, **arguments):
    return Reply("I think.", (ToolCall(name, arguments, name),), tokens=10)


def segment(phrase):
    return call("segment_phrase", text_prompt=phrase)


def select(*numbers):
    return call("select_masks_and_return", final_answer_masks=list(numbers))


class Script:
    """Gives the replies in turn, the last one for ever; a function gets the messages. seen: all messages."""

    name = "script"

    def __init__(self, *replies):
        self.replies, self.seen = list(replies), []

    def complete(self, messages, tools=(), *, spending=None, cancel=None):
        (spending or Spending(Budget())).begin_call()
        self.seen.append(list(messages))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        reply = reply(messages) if callable(reply) else reply
        return Reply(reply) if isinstance(reply, str) else reply

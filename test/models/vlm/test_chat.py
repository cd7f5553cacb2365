from instructsam_ros.models.vlm.chat import ChatModel, Reply, Tool
from instructsam_ros.models.vlm.server import ServerChat, ServerSettings


class Parrot:
    name = "parrot"

    def complete(self, messages, tools=(), *, spending=None, cancel=None):
        return Reply(messages[-1].text)


def test_what_answers_messages_is_a_chat_model():
    assert isinstance(ServerChat(ServerSettings("http://localhost/v1", "tiny")), ChatModel)
    assert isinstance(Parrot(), ChatModel)
    assert not isinstance(object(), ChatModel)


def test_a_tool_without_parameters_takes_an_empty_object():
    assert Tool("look", "Look.").parameters == {"type": "object", "properties": {}}

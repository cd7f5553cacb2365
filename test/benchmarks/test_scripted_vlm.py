"""The scripted server: answers by what is seen, faults of attempts."""

import pytest

from benchmarks.scripted_answers import Scene
from benchmarks.scripted_vlm import Faults, ScriptedVlm
from instructsam_ros.errors import ChatError
from instructsam_ros.models.vlm.chat import Message
from instructsam_ros.models.vlm.server import ServerChat, ServerSettings
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths


@pytest.fixture(scope="module")
def scenes():
    return [Scene(path.stem, load_view(path, depth=False)) for path in view_paths(DATA / "scenes")[:2]]


def ask(server, scene, text="Write 4 questions"):
    chat = ServerChat(ServerSettings(server.url, "m", retries=0, timeout=60.0))
    messages = [Message("system", "TASK: questions"), Message("user", text, (scene.view.rgb,))]
    return chat.complete(messages)


def test_the_picture_tells_the_scene(scenes):
    with ScriptedVlm(scenes, Faults()).running() as server:
        reply = ask(server, scenes[1])
        assert {name for name, _ in server.answers.truth} == {scenes[1].name}
        assert reply.tokens > reply.reply_tokens > 10
        assert ask(server, scenes[1]).text == reply.text


def test_attempts_fail_at_the_set_rates(scenes):
    with ScriptedVlm(scenes, Faults(refused=1.0)).running() as server:
        with pytest.raises(ChatError, match="429"):
            ask(server, scenes[0])
        assert server.log.refused == 1
    with ScriptedVlm(scenes, Faults(broken=1.0)).running() as server:
        assert not ask(server, scenes[0]).text.endswith("}")

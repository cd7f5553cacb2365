from instructsam_ros.agent import prompts
from instructsam_ros.agent.tools import TOOLS


def test_the_prompt_names_every_tool():
    assert all(tool.name in prompts.AGENT for tool in TOOLS)


def test_the_query_is_repeated_where_it_may_be_forgotten():
    told = (
        prompts.query("the cups", ()),
        prompts.nothing_found("cup", "the cups"),
        prompts.examined(0, 3, "the cups"),
    )
    assert all("'the cups'" in text for text in told)
    assert "'cup', 'mug'" in prompts.query("the cups", ("cup", "mug"))


def test_counts_are_told():
    assert "1 mask," in prompts.found("cup", 1)
    assert "2 masks," in prompts.found("cup", 2)
    assert "2 of 3" in prompts.examined(2, 3, "the cups")
    assert "exactly one tool" in prompts.one_tool("nonsense.")

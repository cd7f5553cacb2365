import pytest

from instructsam_ros.agent.tools import TOOLS, ToolUseError, read_nothing, read_numbers, read_phrase


def test_there_are_four_tools_with_a_schema_each():
    assert len({tool.name for tool in TOOLS}) == 4
    for tool in TOOLS:
        assert tool.parameters["type"] == "object"
        assert set(tool.parameters.get("required", [])) == set(tool.parameters["properties"])


def test_phrases_are_read_with_single_spaces():
    assert read_phrase({"text_prompt": "  red \n mug "}, ("mug",)) == "red mug"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "got nothing"),
        ({"phrase": "mug"}, "takes text_prompt alone, got phrase"),
        ({"text_prompt": "mug", "n": 2}, "got text_prompt, n"),
        ({"text_prompt": 5}, "is a int"),
        ({"text_prompt": " "}, "is empty"),
        ({"text_prompt": "x" * 300}, "short noun phrase"),
        ({"text_prompt": "\ud800"}, "not valid Unicode"),
        ({"text_prompt": "Red  mug"}, "searched already; used so far: 'red mug', 'cup'"),
    ],
)
def test_unusable_phrases_are_explained(arguments, problem):
    with pytest.raises(ToolUseError, match=problem):
        read_phrase(arguments, ("red mug", "cup"))


def test_numbers_are_read_once_each_and_sorted():
    assert read_numbers({"final_answer_masks": [3, 1, 3]}, 3) == [1, 3]


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ([], "call report_no_mask"),
        ([0], "no mask 0; there are masks 1 to 3"),
        ([9, 4], "no mask 4, 9"),
        ("1", "list of whole numbers"),
        ([1.0], "list of whole numbers"),
        ([True], "list of whole numbers"),
        ([None], "list of whole numbers"),
    ],
)
def test_unusable_numbers_are_explained(numbers, problem):
    with pytest.raises(ToolUseError, match=problem):
        read_numbers({"final_answer_masks": numbers}, 3)


def test_tools_without_arguments_take_none():
    read_nothing({}, "report_no_mask")
    with pytest.raises(ToolUseError, match="report_no_mask takes no arguments, got why"):
        read_nothing({"why": "absent"}, "report_no_mask")

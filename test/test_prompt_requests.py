import numpy as np
import pytest

from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.prompt_requests import NAMED, EverythingRequest, PromptRequest

RGB = np.full((40, 60, 3), 160, np.uint8)
RGB[5:25, 5:25] = RGB[5:20, 40:55] = (220, 20, 20)


@pytest.mark.parametrize(
    ("request_", "text", "boxes"),
    [
        (PromptRequest(((10, 10),)), "object at 10,10", [[5, 5, 25, 25]]),
        (PromptRequest(((50.5, 10), (10, 10)), (1, 0)), "object at 50.5,10 not at 10,10", [[40, 5, 55, 20]]),
        (PromptRequest(boxes=((38, 4, 56, 22),)), "object in 38,4,56,22", [[40, 5, 55, 20]]),
        (EverythingRequest(), "everything", [[5, 5, 25, 25], [40, 5, 55, 20]]),
    ],
)
def test_requests_are_answered_and_have_words(request_, text, boxes):
    segmenter = FakeSegmenter()
    found = request_.ask(segmenter, segmenter.encode(RGB))
    assert [instance.box.tolist() for instance in found.instances] == boxes
    assert request_.text == text


def test_words_for_many_points_stay_short():
    text = PromptRequest(((1.0, 2.0),) * 100).text
    assert text.endswith(f"and {100 - NAMED} more")
    assert len(text) < 200


def test_a_model_that_cannot_is_named():
    class Plain:
        name = "plain"

    for request in (EverythingRequest(), PromptRequest(((1, 1),))):
        with pytest.raises(InvalidInputError, match="plain"):
            request.ask(Plain(), RGB)
    with pytest.raises(InvalidInputError, match="plain"):
        PromptRequest(((1, 1),)).check(Plain(), (40, 60))


@pytest.mark.parametrize(
    "request_",
    [
        PromptRequest(),
        PromptRequest(((60, 1),)),
        PromptRequest(((1, 1),), (0,)),
        PromptRequest(((1, 1),), (1, 1)),
    ],
)
def test_what_the_image_does_not_hold_is_found_before_the_model_runs(request_):
    with pytest.raises(InvalidInputError):
        request_.check(FakeSegmenter(), (40, 60))

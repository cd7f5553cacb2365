from instructsam_ros.backends.instructsam import InstructSamSegmenter
from instructsam_ros.segmenter import EverythingSegmenter, PromptSegmenter, load


def test_a_model_without_a_pointer_detector_takes_no_clicks(tiny_folder):
    model = load(str(tiny_folder), device="cpu")
    assert type(model) is InstructSamSegmenter
    assert not isinstance(model, PromptSegmenter | EverythingSegmenter)

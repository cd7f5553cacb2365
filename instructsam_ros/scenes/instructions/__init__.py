"""Instructions about rendered views, with unambiguous ground truth."""

from instructsam_ros.scenes.instructions.generator import instructions
from instructsam_ros.scenes.instructions.instruction import Instruction
from instructsam_ros.scenes.instructions.mirror import flip, mirror_meta
from instructsam_ros.scenes.instructions.negatives import absent_anchor_negative
from instructsam_ros.scenes.instructions.templates import is_held_out
from instructsam_ros.scenes.instructions.vocabulary import filler_words, training_texts

__all__ = [
    "Instruction", "absent_anchor_negative", "filler_words", "flip", "instructions", "is_held_out",
    "mirror_meta", "training_texts",
]  # fmt: skip

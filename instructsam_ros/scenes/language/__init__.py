"""Instructions about rendered views, with answers that nobody can argue about."""

from instructsam_ros.scenes.language.instruction import Instruction
from instructsam_ros.scenes.language.lexicon import idle_words, training_texts
from instructsam_ros.scenes.language.mirror import flip, mirror_meta
from instructsam_ros.scenes.language.missing import without_its_place
from instructsam_ros.scenes.language.sampling import instructions
from instructsam_ros.scenes.language.templates import is_held_out

__all__ = [
    "Instruction", "flip", "idle_words", "instructions", "is_held_out", "mirror_meta", "training_texts",
    "without_its_place",
]  # fmt: skip

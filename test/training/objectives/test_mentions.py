import numpy as np
from tokenizers import Tokenizer

from instructsam_ros.models.instructsam.compact.tokenizer import build_tokenizer
from instructsam_ros.training.objectives.mentions import locate_mentions

TEXTS = ["Hand me the mug left of the red bowl.", "the mugs"]


def tokenizer() -> Tokenizer:
    return build_tokenizer(TEXTS)


def test_the_last_token_of_a_noun_phrase_is_found():
    named = [[("mug", (1, 2)), ("the red bowl", (3,))], [("mugs", (4,))]]
    mentions = locate_mentions(tokenizer(), TEXTS, named)
    words = [tokenizer().encode(text, add_special_tokens=False).tokens for text in TEXTS]
    found = [words[r][t] for r, t in zip(mentions.row.tolist(), mentions.token.tolist(), strict=True)]
    assert found == ["mug", "bowl", "mugs"]
    assert mentions.instances == ((1, 2), (3,), (4,))


def test_a_name_inside_a_longer_name_is_not_that_name():
    texts = ["the orange mug left of the orange", "an orange mug"]
    named = [[("the orange", (2,)), ("the orange mug", (1,))], [("orange", ()), ("orange mug", (1,))]]
    mentions = locate_mentions(build_tokenizer(texts), texts, named)
    assert mentions.row.tolist() == [0, 0, 1]
    assert mentions.token.tolist() == [2, 6, 2]
    assert mentions.instances == ((1,), (2,), (1,))


def test_words_inside_other_words_are_left_out():
    mentions = locate_mentions(tokenizer(), TEXTS, [[("cup", (1,))], [("mug", (1,))]])
    assert mentions.instances == ()
    assert np.prod(mentions.row.shape) == 0


def test_the_name_of_nothing_is_found_too():
    mentions = locate_mentions(tokenizer(), TEXTS, [[("the red bowl", ())], [("mugs", (4,))]])
    assert mentions.row.tolist() == [0, 1]
    assert mentions.instances == ((), (4,))

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.epic_kitchens.noun_classes import read_noun_classes, readable_noun


@pytest.mark.parametrize(
    ("key", "noun"),
    [
        ("board:chopping", "chopping board"),
        ("machine:sous:vide", "sous vide machine"),
        ("hand:left", "left hand"),
        ("mug", "mug"),
        (" Pan:  Frying_big ", "frying big pan"),
    ],
)
def test_modifiers_go_before_the_noun(key, noun):
    assert readable_noun(key) == noun


def test_a_table_of_classes(tmp_path):
    path = tmp_path / "nouns.csv"
    path.write_text("id,key,instances,category\n18,board:chopping,\"['board:chopping', 'board']\",utensils\n")
    (found,) = read_noun_classes(path)
    assert (found.id, found.key, found.category) == (18, "chopping board", "utensils")
    assert found.instances == {"chopping board", "board"}


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "id,key,instances,category\nx,a,[],b\n", "id,key,instances\n1,a,(\n"]
)
def test_another_file_is_an_error(tmp_path, text):
    (tmp_path / "nouns.csv").write_text(text)
    with pytest.raises(InvalidInputError, match="no table of noun classes"):
        read_noun_classes(tmp_path / "nouns.csv")
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_noun_classes(tmp_path / "none.csv")

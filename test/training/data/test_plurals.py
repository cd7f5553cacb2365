import pytest

from instructsam_ros.training.data.plurals import plural


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("cup", "cups"),
        ("chopping board", "chopping boards"),
        ("wine glass", "wine glasses"),
        ("glass of water", "glasses of water"),
        ("knife", "knives"),
        ("bread-knife", "bread-knives"),
        ("bookshelf", "bookshelves"),
        ("snowman", "snowmen"),
        ("human", "humans"),
        ("person", "people"),
        ("computer mouse", "computer mice"),
        ("lens", "lenses"),
        ("bus", "buses"),
        ("box", "boxes"),
        ("bench", "benches"),
        ("brush", "brushes"),
        ("strawberry", "strawberries"),
        ("toy", "toys"),
        ("glove", "gloves"),
        ("roof", "roofs"),
        ("tomato", "tomatoes"),
        ("avocado", "avocados"),
        ("potted plant", "potted plants"),
        ("TV", "TVs"),
        ("scissors", "scissors"),
        ("tongs", "tongs"),
        ("clothes", "clothes"),
        ("brown rice", "brown rice"),
        ("sheep", "sheep"),
    ],
)
def test_plurals(noun, several):
    assert plural(noun) == several

import torch
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.models.instructsam.compact.pointer import (
    BoxPrior,
    CellPredictions,
    PointerReadout,
    same_object,
)

torch.set_num_threads(1)
ROWS, COLUMNS, CHANNELS, QUERIES = 3, 4, 16, 5
NO_GLOBAL_QUERY = torch.zeros(1, 1, CHANNELS)


def readout(scale=1.0):
    torch.manual_seed(0)
    pointer = PointerReadout(CHANNELS)
    memory = torch.randn(2, ROWS * COLUMNS, CHANNELS) * scale
    queries = torch.randn(2, QUERIES, CHANNELS)
    values = pointer.cell_predictions(memory, ROWS, COLUMNS)
    return pointer(
        queries, memory, pointer.keys(memory), values, torch.zeros(2, QUERIES), NO_GLOBAL_QUERY
    ), values


def cell_values(boxes, cells):
    boxes = torch.tensor([boxes])
    return CellPredictions(torch.zeros(1, len(cells), 2), boxes, same_object(boxes), torch.tensor(cells))


def test_attention_is_a_distribution_and_boxes_lie_in_the_image():
    result, _ = readout(scale=5.0)
    assert torch.allclose(result.attention.sum(-1), torch.ones(2, QUERIES), atol=1e-5)
    assert (result.boxes > 0).all()
    assert (result.boxes < 1).all()
    assert result.score_logits.shape == (2, QUERIES)


def test_an_untrained_query_reads_the_mean_of_the_attended_cells():
    result, values = readout()
    assert torch.allclose(result.mask_embeds, result.attention @ values.masks, atol=1e-5)
    assert torch.allclose(result.boxes, result.attention @ values.boxes, atol=1e-4)


def test_the_selection_score_gain_applies_at_inference_only():
    """The score rises in proportion to the selection logits at the cells read; in training it does not."""

    def scores(gain, training):
        torch.manual_seed(0)
        pointer = PointerReadout(CHANNELS, gain).train(training)
        torch.nn.init.normal_(pointer.choice_proj[-1].weight)
        memory, queries = torch.randn(1, ROWS * COLUMNS, CHANNELS), torch.randn(1, 1, CHANNELS)
        values = pointer.cell_predictions(memory, ROWS, COLUMNS)
        result = pointer(queries, memory, pointer.keys(memory), values, torch.zeros(1, 1), NO_GLOBAL_QUERY)
        read = values.assign_exclusively(result.attention, torch.zeros(1, 1, dtype=torch.int64))
        return result.score_logits[0, 0], (read * result.selection_logits).sum()

    (plain, selected), (gained, _) = scores(0.0, training=False), scores(2.0, training=False)
    assert selected.abs() > 0.01
    assert torch.allclose(gained - plain, 2 * selected, atol=1e-5)
    assert torch.equal(scores(2.0, training=True)[0], scores(0.0, training=True)[0])


def test_the_global_query_adds_to_the_selection_of_every_layer():
    """Independently of how later layers have changed the queries; untrained, by nothing."""
    torch.manual_seed(0)
    pointer = PointerReadout(CHANNELS)
    memory, queries = torch.randn(2, ROWS * COLUMNS, CHANNELS), torch.randn(2, QUERIES, CHANNELS)
    keys, values = pointer.keys(memory), pointer.cell_predictions(memory, ROWS, COLUMNS)
    assert not pointer.global_query(queries).any()
    torch.nn.init.normal_(pointer.choice_asked[-1].weight)
    global_query = pointer.global_query(queries)
    assert torch.allclose(
        global_query, pointer.global_query(queries.flip(1)), atol=1e-5
    )  # of all queries alike

    def selection(later, global_query):
        return pointer(later, memory, keys, values, torch.zeros(2, QUERIES), global_query).selection_logits

    added = (keys @ global_query.transpose(1, 2))[..., 0] / CHANNELS**0.5
    assert added.abs().amax() > 0.01
    for later in (queries, queries + torch.randn_like(queries)):
        gained = selection(later, global_query) - selection(later, torch.zeros_like(global_query))
        assert torch.allclose(gained, added, atol=1e-5)


def test_at_inference_a_query_is_assigned_one_object():
    """Of two objects side by side that share the attention, one is read, not a mixture."""
    cells = [[x, 0.5, 0.25, 1.0] for x in (0.125, 0.375, 0.625, 0.875)]
    left, right = [0.25, 0.5, 0.4, 0.9], [0.75, 0.5, 0.4, 0.9]
    values = cell_values([left, left, right, right], cells)
    assigned = values.assign_exclusively(
        torch.tensor([[[0.3, 0.2, 0.26, 0.24]]]), torch.zeros(1, 1, dtype=torch.int64)
    )
    assert torch.allclose(assigned, torch.tensor([[[0.6, 0.4, 0.0, 0.0]]]))
    both = torch.tensor([[[0.3, 0.2, 0.26, 0.24], [0.4, 0.2, 0.2, 0.2]]])
    second, first = values.assign_exclusively(both, torch.tensor([[1, 0]]))[0]
    assert torch.allclose(first, torch.tensor([0.4, 0.2, 0.0, 0.0]) / 0.6), (
        "the first query gets its strongest object"
    )
    assert torch.allclose(second, torch.tensor([0.0, 0.0, 0.26, 0.24]) / 0.5), "the other gets its next best"


def test_more_queries_than_objects_stay_defined():
    """No cell is left for the second query; its attention must still be finite."""
    values = cell_values([[0.5, 0.5, 1.0, 1.0]], [[0.5, 0.5, 1.0, 1.0]])
    assigned = values.assign_exclusively(torch.ones(1, 2, 1), torch.tensor([[0, 1]]))
    assert torch.allclose(assigned, torch.ones(1, 2, 1))


def test_the_strongest_cell_is_kept_even_outside_its_own_box():
    values = cell_values([[0.9, 0.5, 0.1, 0.1]] * 2, [[0.1, 0.5, 0.2, 1.0]] * 2)
    assigned = values.assign_exclusively(torch.tensor([[[0.7, 0.3]]]), torch.zeros(1, 1, dtype=torch.int64))
    assert torch.allclose(assigned, torch.tensor([[[1.0, 0.0]]]))


def test_values_of_rows_are_those_of_their_images():
    _, values = readout()
    rows = values.rows(torch.tensor([1, 1, 0]))
    assert torch.equal(rows.masks[0], values.masks[1])
    assert torch.equal(rows.boxes[2], values.boxes[0])
    assert torch.equal(rows.same[1], values.same[1])


@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.05, 0.5), st.floats(0.05, 0.5))
def test_the_box_prior_is_zero_inside_the_box_and_negative_outside(cx, cy, w, h):
    bias = BoxPrior()(torch.tensor([[cx, cy, w, h]]), 20, 30)[0]
    assert bias.shape == (20, 30)
    assert (bias <= 0).all()
    y, x = torch.meshgrid((torch.arange(20) + 0.5) / 20, (torch.arange(30) + 0.5) / 30, indexing="ij")
    inside = ((x - cx).abs() <= w / 2) & ((y - cy).abs() <= h / 2)
    assert (bias[inside] == 0).all()
    outside = ((x - cx).abs() > 0.6 * w) | ((y - cy).abs() > 0.6 * h)
    assert (bias[outside] < 0).all()

"""What the design study measures: candidates and judges, figures, intervals, and the document."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.design_study import concept_filter, report, tables
from benchmarks.design_study.concept_filter import Agent, asks, is_target, marked, zoomed
from benchmarks.design_study.questions import Answered, Question
from benchmarks.design_study.tables import Sample
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.dataset import View
from instructsam_ros.training.evaluation import InstructionCase, Prediction, score_case, summarise
from instructsam_ros.types import Instance, Segmentation, Status, tight_box

HEIGHT, WIDTH = 40, 60


def thing(x, y, score=0.9):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + 8, x : x + 8] = True
    return Instance(mask, tight_box(mask), score, "thing")


@pytest.fixture
def question():
    """Two candidates, of which the left one is meant."""
    rgb = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    ids = (thing(5, 5).mask + 2 * thing(40, 20).mask).astype(np.uint8)
    view = View(rgb, ids, np.zeros((HEIGHT, WIDTH), np.float32), {})
    item = SimpleNamespace(text="the left thing", targets=(1,))
    return Question(view, None, item, thing(5, 5).mask[None])


class Finds:
    """A segmenter that finds both things, and on a picture what ``sees`` says."""

    def __init__(self, sees=None):
        self.sees = sees

    def segment(self, features, text):
        return Segmentation((thing(5, 5), thing(40, 20)), text, Status.OK)

    def segment_image(self, rgb, text):
        return Segmentation(tuple(self.sees(rgb)), text, Status.OK)


def test_an_agent_keeps_the_candidates_that_its_judge_accepts(question, monkeypatch):
    monkeypatch.setattr(concept_filter, "concepts", lambda *_: ["thing"])
    assert len(Agent(Finds(), lambda *_: True)(question)) == 2
    (kept,) = Agent(Finds(), is_target)(question)
    assert np.array_equal(kept.mask, question.truth[0])


def test_the_oracle_knows_objects_however_badly_they_are_outlined(question):
    assert is_target(question, thing(9, 9))
    assert not is_target(question, thing(44, 24))
    assert not is_target(question, thing(25, 30))  # on nothing


def test_a_marked_candidate_alone_keeps_its_brightness(question):
    rgb, mask = marked(question, thing(5, 5))
    assert (rgb[mask] == 200).all()
    assert (rgb[~mask] == 100).all()
    assert (question.view.rgb == 200).all()


@pytest.mark.parametrize("corner", [(5, 5), (0, 0), (52, 32)])
def test_zooming_in_shows_the_whole_candidate(question, corner):
    rgb, mask = zoomed(question, thing(*corner))
    assert rgb.shape[:2] == mask.shape
    assert mask.sum() == 64
    assert mask.size < HEIGHT * WIDTH


def test_a_judge_that_is_asked_accepts_what_its_answer_covers(question):
    def bright(rgb):
        mask = rgb[..., 0] == 200
        return [Instance(mask, tight_box(mask), 0.9, "thing")]

    assert asks(Finds(bright), marked)(question, thing(5, 5))
    assert not asks(Finds(lambda _: []), marked)(question, thing(5, 5))
    assert not asks(Finds(lambda _: [thing(40, 20)]), marked)(question, thing(5, 5))


def random_answers(seed, right):
    """Answers about 12 images; a share of ``right`` of the instances is found where it is."""
    rng = np.random.default_rng(seed)
    answered = []
    for number in range(60):
        truth = [thing(2 + 14 * i, 10).mask for i in range(rng.integers(0, 4))]
        found = [m if rng.random() < right else thing(2, 30).mask for m in truth]
        found += [thing(50, 30).mask] * int(rng.random() < 0.2)
        shape = (0, HEIGHT, WIDTH)
        prediction = Prediction(np.stack(found) if found else np.zeros(shape, bool), rng.random(len(found)))
        labels = {"cardinality": "many" if len(truth) > 1 else "one"}
        case = InstructionCase(np.stack(truth) if truth else np.zeros(shape, bool), labels, f"i{number % 12}")
        score = score_case(case, prediction)
        answered.append(Answered(score, len(found), score.duplicates, 0.01))
    return answered


def test_figures_are_those_of_the_evaluation():
    answered = random_answers(0, 0.6)
    sample, expected = Sample.of(answered), summarise([a.score for a in answered])
    weights = np.ones(len(answered), np.int64)
    figures = {name: metric(sample, weights) for name, metric in tables.METRICS.items()}
    assert figures == pytest.approx(
        {
            "gIoU": expected.giou,
            "AP50": expected.ap50,
            "no-target acc.": expected.no_target_accuracy,
            "target acc.": expected.target_accuracy,
            "count acc.": expected.count_accuracy,
            "duplicates": expected.duplicate_rate,
        }
    )


def test_a_resample_takes_whole_images():
    sample = Sample.of(random_answers(0, 0.6))
    weights = tables.draws(sample, resamples=50)
    assert (weights[0] == 1).all()
    assert (weights[1:].sum(1) == len(sample.image)).all()
    for image in set(sample.image):
        here = weights[:, sample.image == image]
        assert (here == here[:, :1]).all()


def test_a_clear_difference_has_an_interval_without_zero():
    models = {"worse": [Sample.of(random_answers(0, 0.3))], "better": [Sample.of(random_answers(0, 0.95))]}
    header, worse, better = tables.comparison(models, "worse")
    column = header.index("gIoU difference")
    assert worse[column] == "-"
    low = float(better[column].split("[")[1].split(",")[0])
    assert low > 0


def test_seeds_must_have_answered_the_same():
    sample = Sample.of(random_answers(0, 0.5))
    other = dataclasses.replace(sample, image=sample.image[::-1])
    with pytest.raises(InvalidInputError, match="different instructions"):
        tables.estimate([sample, other], tables.giou, tables.draws(sample, 2))


def test_a_section_is_replaced_and_the_rest_stays():
    text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb"
    filled = report.fill(report.fill(text, "x", "one"), "x", "two \\1")
    assert filled == "a\n<!-- begin x -->\n\ntwo \\1\n\n<!-- end x -->\nb"
    with pytest.raises(InvalidInputError, match="begin y"):
        report.fill(text, "y", "new")

import dataclasses

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.paths import DATA
from instructsam_ros.scenes.dataset import load_view, view_paths
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import scenes

ROOT = DATA / "scenes"


def read(**options):
    return list(scenes.read(scenes.Settings(ROOT, **options), BrokenRecords()))


def test_views_are_spread_over_the_folder_and_0_takes_all():
    paths = [str(path) for path in view_paths(ROOT)]
    assert list(dict.fromkeys(sample.image for sample in read())) == paths
    few = {sample.image for sample in read(views=2)}
    assert len(few) == 2
    assert few < set(paths)


def test_answers_are_pixels_of_the_id_map():
    for sample in read(views=2, instructions=4):
        view = load_view(sample.image, depth=False)
        for mask in sample.masks():
            assert len(np.unique(view.ids[mask])) == 1
            assert (view.ids == view.ids[mask][0]).sum() == mask.sum()
        assert sample.labels.keys() == {"level", "cardinality", "kind"}
        assert sample.record in sample.image


def test_the_seed_draws_the_instructions():
    one, other = ([sample.instruction for sample in read(views=2, seed=seed)] for seed in (1, 2))
    assert one != other


def test_settings_and_folders_are_checked(tmp_path):
    with pytest.raises(ValueError, match="instructions must be at least 1"):
        scenes.Settings(ROOT, instructions=0)
    with pytest.raises(InvalidInputError):
        list(scenes.read(scenes.Settings(tmp_path), BrokenRecords()))


def test_nouns_name_every_category_and_all_its_objects(scene_root):
    found = list(scenes.read(scenes.Settings(scene_root, nouns=True), BrokenRecords()))
    assert found
    for sample in found:
        view = load_view(sample.image, depth=False)
        ids = [
            o["id"] for o in view.meta["objects"] if o["category"] == sample.instruction and o["pixels"] >= 8
        ]
        truth = np.isin(view.ids, ids)
        assert np.array_equal(sample.masks().any(0), truth)
        assert sample.phrases[0].text == sample.instruction
    assert len({(sample.image, sample.instruction) for sample in found}) == len(found)


def test_instructions_can_be_limited_to_some_categories(scene_root):
    every = list(scenes.read(scenes.Settings(scene_root, instructions=30), BrokenRecords()))
    name = next(s.phrases[0].text for s in every if s.labels["kind"] == "name")
    some = list(
        scenes.read(scenes.Settings(scene_root, instructions=30, categories=(name,)), BrokenRecords())
    )
    assert 0 < len(some) < len(every)
    assert [s.instruction for s in some] == [
        s.instruction for s in every if s.phrases[0].text == name or s.phrases[0].text.endswith(f" {name}")
    ]


@pytest.mark.parametrize("nouns", [False, True])
def test_samples_have_the_depth_of_their_view(nouns):
    sample = read(views=1, nouns=nouns)[0]
    view = load_view(sample.image)
    depth, camera = sample.depth()
    np.testing.assert_allclose(np.nan_to_num(depth), view.depth, rtol=1e-6)
    assert dataclasses.asdict(camera).items() >= view.meta["K"].items()


def test_instructions_of_one_meaning_have_the_same_masks():
    samples = read(views=2, instructions=16, wordings="train")
    groups = {}
    for sample in samples:
        groups.setdefault((sample.image, sample.meaning), []).append(sample)
    assert any(len(members) > 1 for (_, meaning), members in groups.items() if meaning)
    for (_, meaning), (first, *others) in groups.items():
        assert bool(meaning) == bool(len(first.masks()))
        assert all(np.array_equal(first.masks(), other.masks()) for other in others)


def test_wordings_are_those_of_training_or_others():
    train, heldout = ({s.instruction for s in read(views=2, wordings=w)} for w in ("train", "heldout"))
    assert train != heldout

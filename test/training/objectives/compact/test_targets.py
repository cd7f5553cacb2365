"""Targets of the compact objective."""

from instructsam_ros.training.objectives.compact.targets import NO_OWNER, scene_targets


def test_every_instance_owns_a_cell_and_cells_only_hold_their_image(batch):
    targets = scene_targets(batch)
    owners = targets.owner[targets.owner != NO_OWNER].unique().tolist()
    assert len(owners) >= 0.9 * len(batch.id_of)
    for image, owner in enumerate(targets.owner):
        members = owner[owner != NO_OWNER]
        assert (batch.image_of[members] == image).all()

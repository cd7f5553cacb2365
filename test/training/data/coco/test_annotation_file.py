from instructsam_ros.training.data.coco.annotation_file import read_coco
from test.training.data.coco_files import H, W, annotation, write_set


def test_annotations_may_stand_before_their_images(tmp_path):
    path = write_set(
        tmp_path, [annotation(1, 1), annotation(2, 2, iscrowd=1)], {1: "cup", 2: "fork", 3: "cup_"}
    )
    file = read_coco(path)
    assert path.read_text().index('"annotations"') < path.read_text().index('"images"')
    assert file.nouns == {1: "cup", 2: "fork", 3: "cup"}
    assert file.categories == {"cup": {1, 3}, "fork": {2}}
    (image,) = file.images
    assert (image.size, image.record, image.unclear) == ((H, W), "images[0]", {2})
    assert [(each.category, each.attributes) for each in image.objects] == [(1, None)]

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.epic_kitchens.narrations import (
    actions_at,
    read_epic_narrations,
    read_hd_epic_narrations,
)
from instructsam_ros.training.data.hand_instructions import Action


def write(tmp_path, text, name="narrations.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_actions_of_epic_kitchens_by_frame(tmp_path):
    path = write(
        tmp_path,
        "video_id,start_frame,stop_frame,verb,noun\n"
        "P01_01,10,20,put-down,board:chopping\nP01_01,15,30,wash,mug\nP02_01,10,20,cut,onion\n",
    )
    narrations = read_epic_narrations(path)["P01_01"]
    both = [Action("put down", "chopping board"), Action("wash", "mug")]
    assert list(actions_at(narrations, 20)) == both
    assert list(actions_at(narrations, 21)) == both[1:]
    assert list(actions_at(narrations, 9)) == []


def test_actions_of_hd_epic_by_second(tmp_path):
    path = write(
        tmp_path,
        "unique_narration_id,video_id,start_timestamp,end_timestamp,pairs\n"
        "a,P01-1,1.5,2.0,\"[('open', 'upper cupboard'), ('cut', 'onion')]\"\n",
    )
    narrations = read_hd_epic_narrations(path)["P01-1"]
    assert list(actions_at(narrations, 1.75)) == [Action("open", "upper cupboard"), Action("cut", "onion")]


def test_a_pickle_is_refused_with_the_way_to_save_it_as_csv(tmp_path):
    path = tmp_path / "HD_EPIC_Narrations.pkl"
    path.write_bytes(b"\x80\x04\x95\xff\n")
    with pytest.raises(InvalidInputError, match="to_csv"):
        read_hd_epic_narrations(path)


@pytest.mark.parametrize(
    "text", ["a\n1\n", "video_id,start_timestamp,end_timestamp,pairs\na,1,2,__import__('os')\n"]
)
def test_another_file_is_an_error(tmp_path, text):
    with pytest.raises(InvalidInputError, match="no CSV of narrations"):
        read_hd_epic_narrations(write(tmp_path, text))
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_epic_narrations(tmp_path / "none.csv")

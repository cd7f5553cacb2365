"""Catalogues of meshes: what is read, stored with views, and refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from instructsam_ros.errors import ConfigError
from instructsam_ros.scenes.assets.asset_catalogue import AssetCatalogue, AssetMesh, check_size, load_assets
from instructsam_ros.scenes.assets.catalogue import KNOWN_CATEGORIES
from instructsam_ros.yaml_config import load_yaml
from test.scenes.assets.small_assets import CATALOGUE, write_assets

SHIPPED = Path(__file__).parents[3] / "config" / "assets" / "ycb.yaml"


def test_a_folder_of_meshes_becomes_a_catalogue(tmp_path: Path) -> None:
    catalogue = load_assets(write_assets(tmp_path))
    assert catalogue.folder == tmp_path
    assert catalogue.meshes["gear.glb"].colors == ("blue",)
    lexicon = catalogue.lexicon()
    assert json.loads(json.dumps(lexicon)) == lexicon
    assert lexicon["nouns"]["gear wheel"]["names"] == [["gear wheel", "gear wheels"], ["cog", "cogs"]]
    assert set(lexicon["nouns"]) == {"gear wheel", "parts box"}, (
        "mug is the package's own; carton has no mesh"
    )
    assert lexicon["purposes"]["turn"]["phrase"] == "driving part"


def changed(path: str, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(CATALOGUE)
    *parents, last = path.split("/")
    place = data
    for parent in parents:
        place = place[parent]
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("meshes/gear.glb/weight", 3, "unknown setting weight"),
        ("meshes/gear.glb/colors", ["crimson"], "no colour 'crimson'"),
        ("meshes/gear.glb/noun", "sprocket", "add the noun 'sprocket'"),
        ("meshes/gear.glb/size", 80, "size must be"),
        ("meshes/gear.glb/material", "cheese", "'cheese' is not one of"),
        ("meshes/lost.glb", {"noun": "mug", "size": 0.1}, "there is no file lost.glb"),
        ("meshes", {}, "meshes is empty"),
        ("nouns/mug", {}, "already knows the noun 'mug'"),
        ("nouns/carton", {"also": ["thingummy"]}, "there is no noun 'thingummy'"),
        ("nouns/carton", {"affordances": ["fly"]}, "there is no affordance 'fly'"),
        ("nouns/carton", {"perhaps": ["fly"]}, "there is no group or affordance 'fly'"),
        ("nouns/carton", {"groups": ["tools"]}, "there is no group 'tools'"),
        ("purposes/drink", CATALOGUE["purposes"]["turn"], "already knows the purpose 'drink'"),
        ("purposes/turn/situations", [], "need at least one text"),
        ("folder", "elsewhere", "meshes lie beside the catalogue"),
    ],
)
def test_a_wrong_catalogue_is_refused_by_name(tmp_path: Path, path: str, value: Any, message: str) -> None:
    folder = write_assets(tmp_path, changed(path, value))
    with pytest.raises(ConfigError, match=message):
        load_assets(folder)


def test_folders_without_a_catalogue_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no catalogue\.yaml"):
        load_assets(tmp_path)
    with pytest.raises(ConfigError, match="there is no folder"):
        load_assets(tmp_path / "none")


@pytest.mark.parametrize(
    ("found", "hint"),
    [(80.0, "millimetres: add scale: 0.001"), (8.0, "centimetres"), (0.2, "the catalogue says")],
)
def test_a_mesh_of_another_size_is_refused(found: float, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        check_size(found, AssetMesh("mug", 0.08), Path("mug.glb"))
    check_size(0.085, AssetMesh("mug", 0.08), Path("mug.glb"))


def test_the_shipped_catalogue_of_the_ycb_objects_is_valid() -> None:
    catalogue = load_yaml(AssetCatalogue, SHIPPED)
    assert len(catalogue.meshes) > 60
    names = [
        name for entry in catalogue.lexicon()["nouns"].values() for pair in entry["names"] for name in pair
    ]
    known = {name for entry in KNOWN_CATEGORIES.values() for pair in entry.names for name in pair}
    assert len(names) == len(set(names))
    assert not known & set(names), "one name, one meaning"
    assert yaml.safe_load(SHIPPED.read_text())["nouns"]["wrench"]["plural"] == "wrenches"

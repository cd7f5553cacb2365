"""The policy for SROS 2 names what the node has, and nothing else."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

POLICY = Path(__file__).parents[2] / "config/sros2/policy.xml"
ELSEWHERE = {
    *("/clock", "/tf", "/tf_static", "/segment_node/detections_2d", "/segment_node/detections_3d"),
    *("/image/compressed", "/depth/compressedDepth"),
    *("/tf2_frames", "/parameter_events"),
}
"""What the node has in other settings or with other packages only."""


def named(node: str, kind: str, right: str) -> set[str]:
    """Full names of a node's topics, services or actions with a right such as subscribe."""
    names = ElementTree.parse(POLICY).findall(f".//profile[@node='{node}']/{kind}s[@{right}='ALLOW']/{kind}")
    texts = [(name.text or "").replace("~", f"/{node}") for name in names]
    return {text if text.startswith("/") else f"/{text}" for text in texts}


@pytest.mark.parametrize("name", ["segment_node", "_segment_node_input"])
def test_the_policy_allows_what_a_running_node_has(client, name):
    graph = client.node
    has = {
        "subscribe": graph.get_subscriber_names_and_types_by_node(name, "/"),
        "publish": graph.get_publisher_names_and_types_by_node(name, "/"),
        "reply": graph.get_service_names_and_types_by_node(name, "/"),
    }
    for right, found in has.items():
        kind = "service" if right == "reply" else "topic"
        own = {topic for topic, _ in found if "/_action/" not in topic}
        allowed = named(name, kind, right)
        assert own <= allowed, right
        assert allowed - own <= ELSEWHERE, right


def test_the_policy_allows_the_action():
    assert named("segment_node", "action", "execute") == {"/segment_node/segment"}

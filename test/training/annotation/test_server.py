"""The server: token, host, answers to bad requests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.annotation.server import Api
from test.training.annotation.conftest import TOKEN


def ask(url, path, body=None, token=TOKEN, **headers):
    cookie = {"Cookie": f"instructsam_token={token}"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, cookie | headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_only_who_knows_the_token_gets_in(url):
    assert ask(url, "/")[0] == 200
    assert ask(url, "/api/state", token="other")[0] == 403
    assert ask(url, "/app.js", token="")[0] == 403
    assert ask(url, "/", Host="evil.example")[0] == 403
    assert "default-src 'self'" in ask(url, "/")[1]["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/../server.py", "/%2e%2e/server.py", "/nothing.js", "/api/nothing"])
def test_nothing_else_is_served(url, path):
    assert ask(url, path)[0] == 404


def test_requests_are_checked(url, folder):
    item = Api(folder).items[0].id
    good = {"item": item, "person": "ann", "subsets": []}
    assert ask(url, "/api/annotation", good)[0] == 200
    assert ask(url, "/api/annotation", {**good, "subsets": [{"id": "s1"}]})[0] == 409
    for bad in ([], {"item": "nothing", "person": "ann"}, {**good, "person": "../../x"}):
        status, _, content = ask(url, "/api/annotation", bad)
        assert status == 400
        assert json.loads(content)["error"]
    subset = {"id": "s1", "points": [{"x": 0, "y": 0, "instance": 9}]}
    assert ask(url, "/api/annotation", {**good, "revision": 1, "subsets": [subset]})[0] == 400
    assert ask(url, f"/api/picture?item={item}")[2][:2] == b"\xff\xd8"
    assert ask(url, "/api/picture?item=nothing")[0] == 404


def test_masks_are_runs_that_begin_with_zeros(folder):
    masks = Api(folder).masks("00000-kitchen-a-jpg")
    assert masks["runs"][0][:3] == [5 * 60 + 5, 15, 45]
    assert all(sum(runs) == 40 * 60 for runs in masks["runs"])


def test_an_import_is_stored_whole_or_not_at_all(folder):
    api = Api(folder)
    entries = [{"item": item.id, "person": "old", "revision": 7} for item in api.items]
    assert api.import_({"annotations": entries}, "ann") == {"imported": 3}
    assert {each["person"] for each in api.export()["annotations"]} == {"ann"}
    with pytest.raises(InvalidInputError, match="no item"):
        api.import_({"annotations": [entries[0], {"item": "nothing", "person": "old"}]}, "bob")
    with pytest.raises(InvalidInputError, match="several annotations"):
        api.import_({"annotations": [entries[0], entries[0]]}, "bob")
    assert {each["person"] for each in api.export()["annotations"]} == {"ann"}
    both = [{**entries[0], "person": name, "subsets": [{"id": name}]} for name in ("ann", "eve")]
    assert api.import_({"annotations": both}, "eve") == {"imported": 1}  # the own of all that were exported
    assert [each["subsets"][0]["id"] for each in api.export()["annotations"] if each["subsets"]] == ["eve"]

"""Names with "." or ".." between slashes, which a server on the way may take for a step to another name: no request has one, also of listed names."""

import pytest

import azure
from dfs_account import Account
from server import MockServer
from test_azure_mock import call

TREE = {"b/d/x": b"x", "b/d/../y": b"y", "b/keep": b"k"}


@pytest.mark.parametrize("verb", [("rm", "az://b/d/.."), ("rmtree", "az://b/.."), ("move", "az://b/./x", "az://b/z"), ("stat", "az://b/d/../keep")])
def test_names_that_a_caller_gives(verb):
    with MockServer(dict(TREE), kind=azure.Store) as server:
        outcome = call(server, *verb)
        assert outcome.code == "COVE_EINVAL" and 'a part "." or ".."' in outcome.message, outcome
        assert server.requests == [] and set(server.store.objects) == set(TREE)
    with Account(dict(TREE)) as account:
        assert account.call(*verb).code == "COVE_EINVAL" and account.server.requests == []


def has_step(request):
    return "/../" in request.raw_path + "/" or b"/../" in request.body


def test_a_listed_name_is_not_removed():
    with MockServer(dict(TREE), kind=azure.Store) as server:
        outcome = call(server, "rmtree", "az://b/d")
        assert outcome.code == "COVE_EINVAL" and 'a part "." or ".."' in outcome.message, outcome
        assert {"b/d/../y", "b/keep"} <= set(server.store.objects)
        assert not any(map(has_step, server.requests))

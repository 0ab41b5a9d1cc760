"""Tests of the toy store beyond the contract suite: versions that are not ETags, and the number of requests of an operation."""

import os
import subprocess

import env
import pytest
from toy.server import Toy

PROGRAM = env.build_dir() / "tests" / "toy" / "contract_toy"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="built without object stores")


def contract(server, test):
    """Runs that test of the contract suite."""
    environ = {**os.environ, **server.environ, "COVE_CONTRACT_ROOT": "toy://contract/toy"}
    done = subprocess.run([PROGRAM, test], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "1 test(s) run" in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("test", ["only_if_it_is_the_same", "removals_of_what_was_seen", "conditions_that_are_no_etag", "one_of_many_is_the_first"])
def test_generations(test):
    """A version is opaque: where it is a number, all that holds of ETags holds of it."""
    with Toy(buckets=("contract",), generations=True) as server:
        contract(server, test)


def test_requests():
    """A deletion causes no second request: the table has its good status."""
    with Toy(buckets=("contract",)) as server:
        contract(server, "removals_of_what_was_seen")
    # The suite stats files, too; after a DELETE no further request checks it.
    assert (server.counts["DELETE"], server.counts["HEAD"]) == (6, 10), server.counts

"""A refused target is reported as such, although the store's error code is that of a replaced source."""

import pytest
from test_cli import cove  # noqa: F401
from test_removing import mock


@pytest.mark.parametrize("status, code", [(409, "InvalidBucketState"), (412, "PreconditionFailed")])
def test_a_refused_target_is_not_reported_as_a_replaced_source(cove, status, code):
    """The file is sent once, and the message is that of the store."""
    (cove.cwd / "a").write_bytes(b"bytes")
    refusal = {"on": "PutObject", "times": 100, "status": status, "error": [code]}
    with mock({"b/other": b""}, [refusal]) as (server, options):
        message = cove.error("cp", *options, "a", "s3://b/k")
        assert code in message and "write s3://b/k" in message and "replaced" not in message
        assert server.count("PutObject") == 1

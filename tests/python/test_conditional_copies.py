"""Copies of one version if a response is lost, or if a proxy makes ETags weak."""

import pytest

from cove import PreconditionFailed
from cove import _cove
from mocked import mock  # noqa: F401
from server import Fault

WAYS = [{"conditional_copies": "true"}, {"conditional_copies": "false"}, {"conditional_copies": "true", "copy_part_threshold": "5MiB"}]


def filesystem(mock, options):
    return _cove.Filesystem("s3://b/", {"endpoint_url": mock.endpoint, "key": "k", "secret": "s", **options})


@pytest.fixture(params=WAYS, ids=str)
def fs(request, mock):
    mock.store.put("b/a", b"one")
    mock.store.put("b/to", b"old")
    return filesystem(mock, request.param)


@pytest.mark.parametrize("then", ["replaced", "removed"])
def test_a_copy_whose_response_is_lost(request, mock, fs, then):
    """The first attempt copied; the source changes before the second."""
    etag = fs.stat("b/a")[4]
    mock.faults.append(Fault({"on": "CopyObject", "do_it": True, "close": True}))
    answer, copied = mock.store.answer, []

    def changing(r):
        response = answer(r)
        if r.operation == "CopyObject" and not copied:
            copied.append(r)
            if then == "replaced":
                mock.store.put("b/a", b"two")
            else:
                del mock.store.objects["b/a"]
        return response

    mock.store.answer = changing
    if "'false'" in request.node.name and then == "replaced":  # the second attempt copies the other version
        with pytest.raises(PreconditionFailed):
            fs.copy("b/a", "b/to", etag=etag)
        return
    fs.copy("b/a", "b/to", etag=etag)
    assert mock.store.objects["b/to"][0] == b"one" and len(copied) == 1


def test_a_failed_attempt_before_a_change(mock, fs):
    """The first attempt copied nothing."""
    etag = fs.stat("b/a")[4]
    mock.faults.append(Fault({"on": "CopyObject", "close": True, "meanwhile": {"b/a": "two"}}))
    with pytest.raises(PreconditionFailed):
        fs.copy("b/a", "b/to", etag=etag)


@pytest.mark.parametrize("size", [3, 6 << 20])
def test_weak_etags(mock, fs, size):
    """A compressing proxy makes the ETags of HEADs weak, while a PUT's stays strong. What is sent is strong."""
    mock.store.put("b/a", b"1" * size)
    etag = fs.stat("b/a")[4]
    mock.faults.append(Fault({"on": "HeadObject", "times": -1, "headers": {"ETag": f"W/{etag}"}}))
    fs.copy("b/a", "b/to", etag=etag)
    fs.copy("b/a", "b/to", etag=f"W/{etag}")
    assert mock.store.objects["b/to"][0] == b"1" * size
    sent = [r.headers[name] for r in mock.requests for name in ("x-amz-copy-source-if-match", "if-match") if name in r.headers]
    assert set(sent) <= {etag}
    assert fs.remove_files(["b/a"], etags=[f"W/{etag}"]) is None and "b/a" not in mock.store.objects


def test_a_store_without_etags(mock, fs, request):
    """No empty condition is sent. In parts nothing would tell whether all are of one version, so that is refused."""
    mock.faults.append(Fault({"on": "HeadObject", "times": -1, "headers": {"ETag": ""}}))
    mock.store.put("b/a", b"1" * (6 << 20))
    if "copy_part_threshold" in request.node.callspec.params["fs"]:
        with pytest.raises(OSError, match="gives no version of the object"):
            fs.copy("b/a", "b/to")
        assert mock.store.objects["b/to"][0] == b"old"
    else:
        fs.copy("b/a", "b/to")
        assert mock.store.objects["b/to"][0] == b"1" * (6 << 20)
    assert "" not in [r.headers.get("x-amz-copy-source-if-match") for r in mock.requests]

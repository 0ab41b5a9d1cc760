"""Removal of unfinished uploads on the mock store: what it costs, and that one that cannot be removed does not stop the others."""

import subprocess

import pytest
from mocked import fs, mock  # noqa: F401


def test_the_others_are_removed_after_a_failure(fs, mock):  # noqa: F811
    from store import error_response

    abort = mock.store.do_AbortMultipartUpload
    mock.store.do_AbortMultipartUpload = lambda r: error_response(403, "AccessDenied") if r.key == "k0" else abort(r)
    mock.store.uploads.update({f"u{i}": (f"b/k{i}", {}, {}) for i in range(3)})
    with pytest.raises(PermissionError, match="k0.*; 1 of 3 unfinished uploads stay$") as caught:
        fs.clear_multipart_uploads("b")
    assert caught.value.http_status == 403 and caught.value.store_code == "AccessDenied"
    assert list(mock.store.uploads) == ["u0"]
    mock.store.do_AbortMultipartUpload = abort
    fs.clear_multipart_uploads("b")
    assert fs.list_multipart_uploads("b") == []


@pytest.mark.parametrize("by", ["clear_multipart_uploads", "cove uploads --remove"])
def test_the_number_of_requests(fs, mock, build, by):  # noqa: F811
    """One abort each, and two lists: the one that found them, and one that shows that they are gone."""
    mock.store.uploads.update({f"u{i}": (f"b/k{i}", {}, {}) for i in range(50)})
    if by == "clear_multipart_uploads":
        fs.clear_multipart_uploads("b")
    else:
        options = {"endpoint_url": mock.endpoint, "key": "k", "secret": "s"}
        run = [build / "cli" / "cove", "uploads", "--remove", "--older-than", "0", *(f"-o{n}={v}" for n, v in options.items()), "s3://b"]
        assert subprocess.run(run, capture_output=True, text=True).stderr == "cove: 50 unfinished uploads removed\n"
    assert mock.store.uploads == {}
    sent = [r.operation for r in mock.requests]
    assert (sent.count("ListMultipartUploads"), sent.count("AbortMultipartUpload"), len(sent)) == (2, 50, 52)

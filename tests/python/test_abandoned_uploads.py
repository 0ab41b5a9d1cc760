"""What killed processes left unfinished, on the mock store: all is removed that can be."""

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

"""Buckets that do not exist, and buckets that this user may write to but not list. On the mock."""

import pytest
from mocked import face, fs, mock, requests, stored  # noqa: F401


@pytest.fixture
def forbidden(mock):
    """Refuses every listing with this code."""
    from server import Fault

    def refuse(code="AccessDenied"):
        mock.faults.append(Fault({"on": "ListObjectsV2", "times": -1, "status": 403, "error": [code, "no"]}))

    return refuse


@pytest.mark.parametrize("path", ["none", "none/x", "none/d/", "none/d/x"])
@pytest.mark.parametrize("options", [{}, {"maxdepth": 1}, {"withdirs": True}, {"prefix": "x"}], ids=str)
def test_nothing_is_found_in_a_missing_bucket(face, path, options):
    with pytest.raises(
        FileNotFoundError, match=r"no such bucket: none; check its name \(cove ls s3:// lists the buckets\), and the endpoint http://127.0.0.1:"
    ):
        face.find(path, **options)


@pytest.mark.parametrize("options", [{}, {"maxdepth": 1}, {"total": False}], ids=str)
def test_a_missing_bucket_has_no_size(face, options):
    with pytest.raises(
        FileNotFoundError, match=r"no such bucket: none; check its name \(cove ls s3:// lists the buckets\), and the endpoint http://127.0.0.1:"
    ):
        face.du("none/x", **options)


def test_a_pattern_names_the_missing_bucket(face, tmp_path):
    for call in face.cat, face.rm, face.expand_path, lambda pattern: face.get(pattern, str(tmp_path)), lambda pattern: face.copy(pattern, "b/x"):
        with pytest.raises(FileNotFoundError, match="no such bucket: none; check its name"):
            call("none/*")
    with pytest.raises(FileNotFoundError, match="no path matches it"):
        face.cat("b/*")


@pytest.mark.parametrize("path", ["none", "none/", "none/x"])
def test_reads_of_a_missing_bucket_do_not_advise_to_make_it(face, path):
    for call in face.info, face.ls, face.find, face.rm:
        with pytest.raises(FileNotFoundError) as raised:
            call(path)
        assert "to make it" not in str(raised.value), call
        if path == "none":
            assert "no such bucket: none" in str(raised.value) and "check its name (cove ls s3:// lists the buckets)" in str(raised.value), call


@pytest.mark.parametrize("path", ["none", "none/d"])
def test_writes_into_a_missing_bucket_advise_how_to_make_it(face, path):
    for call in (lambda: face.makedirs(path, exist_ok=True)), (lambda: face.pipe_file(f"{path}/x", b"1")), (lambda: face.copy("b/x", f"{path}/x")):
        face.pipe_file("b/x", b"1")
        with pytest.raises(FileNotFoundError, match="no such bucket: none.*; to make it: cove mkdir s3://none"):
            call()


def test_a_copy_from_a_missing_bucket_does_not_blame_the_target(face, mock):
    from server import Fault

    mock.faults.append(Fault({"on": "CopyObject", "times": -1, "status": 404, "error": ["NoSuchBucket", "no"]}))
    face.pipe_file("b/x", b"1")
    with pytest.raises(FileNotFoundError, match="no such bucket: none .NoSuchBucket.; check its name"):
        face.copy("none/x", "b/y")


def test_a_missing_path_is_empty(face, mock):
    for path in "b", "b/none", "b/none/":
        assert face.find(path) == face.find(path, maxdepth=2) == [] and face.du(path) == 0
    mock.store.put("b/d/x", b"1")
    assert face.find("b/d", prefix="y") == []


def test_a_bucket_is_checked_only_if_nothing_is_found(fs, mock):
    mock.store.put("b/d/x", b"1")
    assert requests(mock, fs.find, "b/d/") == ["ListObjectsV2"]
    assert requests(mock, fs.find, "b/e/") == ["ListObjectsV2", "HeadObject", "ListObjectsV2"]  # HEAD: is it a file with a slash at its end?


def test_a_bucket_that_must_not_be_listed_is_a_directory(face, mock, forbidden, tmp_path):
    forbidden()
    assert face.isdir("b") is True
    face.makedirs("b", exist_ok=True)
    (tmp_path / "x").write_bytes(b"1")
    face.put(str(tmp_path / "x"), "b")
    assert stored(mock) == {"b/x": b"1"}
    for look in face.isdir, face.find, face.ls:
        with pytest.raises(PermissionError):
            look("b/d")


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_wrong_keys_do_not_make_a_bucket_exist(face, forbidden, code):
    forbidden(code)
    for look in face.isdir, lambda path: face.makedirs(path, exist_ok=True):
        with pytest.raises(PermissionError):
            look("b")

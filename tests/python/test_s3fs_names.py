"""S3FileSystem as code written for s3fs uses it: attributes, details, arguments and results."""

import asyncio

import pytest
from cove import S3FileSystem

ACCESS_POINT = "arn:aws:s3:us-west-2:123456789012:accesspoint"


def test_attributes(monkeypatch):
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    fs = S3FileSystem(
        endpoint_url="http://127.0.0.1:1",
        key="a",
        secret="the-secret",
        default_block_size=32 << 20,
        default_fill_cache=False,
        client_kwargs={"region_name": "eu-west-1"},
    )
    assert (fs.endpoint_url, fs.key, fs.secret, fs.token, fs.anon) == ("http://127.0.0.1:1", "a", "the-secret", None, False)
    assert (fs.default_block_size, fs.default_fill_cache, fs.client_kwargs) == (32 << 20, False, {"region_name": "eu-west-1"})
    fs = S3FileSystem(anon=True)
    assert (fs.endpoint_url, fs.key, fs.anon, fs.default_fill_cache, fs.client_kwargs) == (None, None, True, True, {})
    assert (fs.default_block_size, fs.max_concurrency) == (8 << 20, 16)


def test_options_for_another_process():
    assert S3FileSystem(anon=True).get_delegated_s3pars() == {"anon": True}
    assert S3FileSystem().get_delegated_s3pars() == {"anon": False}
    assert S3FileSystem(key="a", secret="b", token="c").get_delegated_s3pars() == {"key": "a", "secret": "b", "token": "c", "anon": False}
    with pytest.raises(NotImplementedError, match="temporary keys"):
        S3FileSystem(key="a", secret="b").get_delegated_s3pars()


def test_content_type_in_info(fs, root, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    fs.put(str(tmp_path / "x.json"), f"{root}/x.json")
    fs.pipe_file(f"{root}/y", b"", ContentType="text/css")
    assert fs.info(f"{root}/x.json")["ContentType"] == "application/json"
    assert asyncio.run(fs._info(f"{root}/y"))["ContentType"] == "text/css"
    assert "ContentType" not in fs.info(root)


def test_info_of_a_bucket(fs, root):
    bucket = root.partition("/")[0]
    known = {"name": bucket, "Key": bucket, "type": "directory", "size": 0, "Size": 0, "StorageClass": "BUCKET", "VersionId": None}
    assert fs.info(bucket) == known and known in fs.ls("", detail=True)


# ---- paths ----


@pytest.mark.parametrize("bucket", [
    "bucket", f"{ACCESS_POINT}:ap", f"{ACCESS_POINT}/ap", "arn:aws:s3::123456789012:accesspoint:x.mrap", "arn:aws-cn:s3-object-lambda:cn-north-1:123456789012:accesspoint/ol",
    "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/ap", "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/bucket/my-bucket",
])  # fmt: skip
def test_split_path(bucket):
    fs, aware = S3FileSystem(anon=True), S3FileSystem(anon=True, version_aware=True)
    assert fs.split_path(f"s3://{bucket}") == fs.split_path(bucket) == (bucket, "", None)
    assert fs.split_path(f"s3://{bucket}/a/b") == (bucket, "a/b", None)
    assert aware.split_path(f"s3://{bucket}/a/b?versionId=v.1") == (bucket, "a/b", "v.1")
    assert fs.split_path(f"s3://{bucket}/a?versionId=1") == (bucket, "a?versionId=1", None)
    assert fs._is_bucket(bucket) and not fs._is_bucket(f"{bucket}/a")


def test_split_path_keeps_all_of_a_path():
    assert S3FileSystem(anon=True).split_path(f"{ACCESS_POINT}:ap\n") == (f"{ACCESS_POINT}:ap\n", "", None)


@pytest.mark.parametrize("path", [5, None, 1.5])
def test_values_that_are_not_paths(path):
    fs = S3FileSystem(anon=True)
    for call in fs.ls, fs.info, fs.open, fs.rm, fs.cat_file:
        with pytest.raises(TypeError, match=f"a path is a str, not {type(path).__name__}"):
            call(path)


# ---- arguments (test_arguments.py has their names) ----


def test_a_version_in_calls_of_many_files(fs, root, tmp_path):
    fs.pipe(f"{root}/x", b"abc")
    for call in (lambda: fs.cat([f"{root}/x"], version_id="v"), lambda: fs.get(root, str(tmp_path / "d"), recursive=True, version_id="v")):
        with pytest.raises(ValueError, match="version_aware"):
            call()


def test_the_size_given_to_open(fs, root):
    path = f"{root}/x"
    with fs.open(path, "wb", size=3) as f:
        f.write(b"abc")
    with fs.open(path, size=3) as f:
        assert (f.size, f.read()) == (3, b"abc")
    with pytest.raises(ValueError, match="size=2, but the file has 3 bytes"):
        fs.open(path, size=2)


def test_metadata_is_not_set_on_a_file_that_is_being_written(fs, root):
    with fs.open(f"{root}/x", "wb") as f, pytest.raises(NotImplementedError, match="metadata="):
        f.setxattr(a="1")


def test_an_append_sets_no_content_type(fs, root):
    with pytest.raises(ValueError, match="content_type cannot be set by an append"):
        fs.open(f"{root}/x", "ab", ContentType="text/plain")


def test_the_properties_of_a_file_that_touch_makes(fs, root):
    fs.touch(f"{root}/x", truncate=False, ContentType="text/css")
    assert fs.info(f"{root}/x")["ContentType"] == "text/css"


def test_a_bucket_is_made_in_the_region_that_is_named(fs, aws):
    fs.mkdir("region-named", region_name=aws.region)
    assert fs.rmdir("region-named") is None
    with pytest.raises(OSError, match="region"):  # the request names it, and this server has one region
        fs.mkdir("region-other", region_name="eu-south-9")
    assert not fs.exists("region-other")


# ---- results ----


def test_rm_returns_what_it_removed(fs, root):
    names = [f"{root}/d/{name}" for name in ("a", "b", "c/d")]

    def write():
        fs.pipe(dict.fromkeys(names, b"1"))

    write()
    assert fs.rm(names[0]) == names[:1]
    assert sorted(fs.rm(names[1:])) == names[1:]
    write()
    assert set(names) <= set(fs.rm(f"{root}/d", recursive=True))
    assert not fs.exists(f"{root}/d")
    write()
    assert sorted(fs.rm(f"{root}/d/[ab]*")) == names[:2]
    assert asyncio.run(fs._rm(f"s3://{names[2]}")) == names[2:]
    write()
    assert set(names) <= set(fs.rm([f"{root}/d"], recursive=True))
    with pytest.raises(FileNotFoundError):
        fs.rm(f"{root}/d", recursive=True)


def test_rm_of_a_bucket_returns_its_files_and_keeps_it(fs):
    fs.mkdir("rm-returns")
    try:
        fs.pipe({"rm-returns/a": b"", "rm-returns/b/c": b""})
        assert sorted(fs.rm("rm-returns", recursive=True)) == ["rm-returns/a", "rm-returns/b/c"]
        assert fs.ls("rm-returns") == []
    finally:
        fs.rm("rm-returns", recursive=True)
        fs.rmdir("rm-returns")


def test_rm_names_a_file_whose_name_ends_in_a_slash(fs, root):
    for remove in (lambda p: fs.rm(p), lambda p: fs.rm([p])):
        fs._fs.write_file(f"{root}/d/z/", b"zzz")
        fs.pipe_file(f"{root}/d/z", b"stays")
        assert remove(f"{root}/d/z/") == [f"{root}/d/z/"]
        assert fs.find(root) == [f"{root}/d/z"]


def test_rm_of_a_missing_bucket(fs):
    with pytest.raises(FileNotFoundError):
        fs.rm("rm-of-no-bucket")


def test_read_block_beyond_the_end(fs, root):
    fs.pipe(f"{root}/x", b"ab\ncd\n")
    for delimiter in (None, b"\n"):
        assert fs.read_block(f"{root}/x", 6, 10, delimiter) == fs.read_block(f"{root}/x", 1000, 10, delimiter) == b""
        assert fs.read_block(f"{root}/x", 1000, None, delimiter) == b""

"""Keyword arguments of a filesystem's calls: hints are accepted everywhere; an argument that would change the result has an effect or raises TypeError."""

import asyncio
import contextlib
import inspect

import pytest
from fsspec.asyn import AsyncFileSystem
from fsspec.spec import AbstractFileSystem

from cove import S3FileSystem
from cove.arguments import HINTS, object_properties

# Each call that takes further arguments.
CALLS = {
    "info": lambda fs, p, **given: fs.info(p, **given),
    "exists": lambda fs, p, **given: fs.exists(p, **given),
    "ls": lambda fs, p, **given: fs.ls(p, **given),
    "find": lambda fs, p, **given: fs.find(p, **given),
    "walk": lambda fs, p, **given: list(fs.walk(p, on_error="raise", **given)),
    "glob": lambda fs, p, **given: fs.glob(p + "/*", **given),
    "du": lambda fs, p, **given: fs.du(p, **given),
    "expand_path": lambda fs, p, **given: fs.expand_path(p, recursive=True, **given),
    "cat_file": lambda fs, p, **given: fs.cat_file(p, **given),
    "cat": lambda fs, p, **given: fs.cat([p], **given),
    "cat_ranges": lambda fs, p, **given: fs.cat_ranges([p], 0, 1, on_error="raise", **given),
    "get_file": lambda fs, p, **given: fs.get_file(p, "/nowhere/x", **given),
    "get": lambda fs, p, **given: fs.get([p], ["/nowhere/x"], **given),
    "open": lambda fs, p, **given: fs.open(p, **given),
    "open to write": lambda fs, p, **given: written(fs.open(p, "wb", **given)),
    "open to append": lambda fs, p, **given: fs.open(p, "ab", **given).discard(),
    "open to update": lambda fs, p, **given: fs.open(p, "r+b", **given),
    "open text": lambda fs, p, **given: fs.open(p, "r", **given),
    "pipe_file": lambda fs, p, **given: fs.pipe_file(p, b"", **given),
    "pipe": lambda fs, p, **given: fs.pipe({p: b"", p + "2": b""}, **given),
    "put_file": lambda fs, p, **given: fs.put_file(__file__, p, **given),
    "put": lambda fs, p, **given: fs.put([__file__], [p], **given),
    "touch": lambda fs, p, **given: fs.touch(p, **given),
    "touch a new one": lambda fs, p, **given: fs.touch(p, truncate=False, **given),
    "mkdir": lambda fs, p, **given: fs.mkdir(p, **given),
    "cp_file": lambda fs, p, **given: fs.cp_file(p, p + "2", **given),
    "copy": lambda fs, p, **given: fs.copy(p, p + "2", **given),
    "mv": lambda fs, p, **given: fs.mv(p, p + "2", **given),
    "rm": lambda fs, p, **given: fs.rm(p, **given),
    "rm_file": lambda fs, p, **given: fs.rm_file(p, **given),
    "bulk_delete": lambda fs, p, **given: fs.bulk_delete([p], **given),
    "metadata": lambda fs, p, **given: fs.metadata(p, **given),
    "getxattr": lambda fs, p, **given: fs.getxattr(p, "a", **given),
    "object_version_info": lambda fs, p, **given: fs.object_version_info(p, **given),
    "_info": lambda fs, p, **given: asyncio.run(fs._info(p, **given)),
    "_exists": lambda fs, p, **given: asyncio.run(fs._exists(p, **given)),
    "_cat_file": lambda fs, p, **given: asyncio.run(fs._cat_file(p, **given)),
    "_ls": lambda fs, p, **given: asyncio.run(fs._ls(p, **given)),
    "_find": lambda fs, p, **given: asyncio.run(fs._find(p, **given)),
    "_pipe_file": lambda fs, p, **given: asyncio.run(fs._pipe_file(p, b"", **given)),
    "_cp_file": lambda fs, p, **given: asyncio.run(fs._cp_file(p, p + "2", **given)),
    "_rm_file": lambda fs, p, **given: asyncio.run(fs._rm_file(p, **given)),
}

# A value of its kind for each hint.
GIVEN = {
    "asynchronous": True, "auto_mkdir": True, "batch_size": 4, "block_size": 5 << 20, "blocksize": 1 << 20, "cache_options": {"trim": False}, "cache_regions": True,
    "cache_type": "none", "chunksize": 5 << 20, "concurrency": 2, "default_block_size": 5 << 20, "default_cache": "none", "default_cache_type": "bytes",
    "default_fill_cache": True, "fill_cache": True, "fixed_upload_size": True, "listings_expiry_time": 3, "loop": object(), "max_concurrency": 4, "max_gap": 100,
    "max_paths": 3, "max_prefetch_size": 1 << 20, "maxblocks": 3, "refresh": True, "skip_instance_cache": True, "trim": True, "use_listings_cache": True,
}  # fmt: skip

# What s3fs takes in some call, and cove does not.
REFUSED = {
    "ACL": "private", "CacheControl": "no-store", "ChecksumAlgorithm": "SHA256", "IfMatch": "e", "IfNoneMatch": "*", "Range": "bytes=0-1", "SSECustomerKey": "k",
    "ServerSideEncryption": "AES256", "StorageClass": "GLACIER", "Tagging": "a=b", "VersionId": "v", "acl": "private", "colour": 1, "max_items": 5,
    "overwrite": False, "preserve_etag": True, "requester_pays": True,
}  # fmt: skip


def written(file):
    with contextlib.closing(file):
        file.write(b"1")


@pytest.fixture
def nowhere():
    """There is no server: a call that asks it anything fails by that."""
    return S3FileSystem(endpoint_url="http://127.0.0.1:1", key="a", secret="b", retries=0)


def test_each_hint_is_tried():
    assert set(GIVEN) == HINTS


@pytest.mark.parametrize("call", CALLS)
def test_hints_are_accepted(nowhere, call):
    with contextlib.suppress(OSError):  # the server is asked
        CALLS[call](nowhere, "bucket/x", **GIVEN)


@pytest.mark.parametrize("call", CALLS)
def test_arguments_that_would_change_the_result_are_refused_first(nowhere, call):
    for name, value in REFUSED.items():
        with pytest.raises(TypeError, match=f"{name!r} is not an argument"):
            if (call, name) == ("mkdir", "acl"):  # NotImplementedError
                raise TypeError("'acl' is not an argument")
            CALLS[call](nowhere, "bucket/x", **{name: value})


@pytest.mark.parametrize("call", CALLS)
def test_empty_values_are_accepted(nowhere, call):
    """s3fs's own defaults."""
    with contextlib.suppress(OSError):
        CALLS[call](nowhere, "bucket/x", acl="", preserve_etag=None, requester_pays=False, s3_additional_kwargs={}, colour=None, overwrite=True)


def test_a_refusal_gives_advice(nowhere):
    with pytest.raises(TypeError, match=r"s3://bucket/x: 'ACL' .*: give it to the filesystem, as s3_additional_kwargs=\{'ACL': \.\.\.\}"):
        nowhere.pipe_file("bucket/x", b"", ACL="private")
    with pytest.raises(TypeError, match="'requester_pays' .* to the filesystem"):
        nowhere.open("bucket/x", requester_pays=True)
    with pytest.raises(TypeError, match="mode='create'"):
        nowhere.pipe_file("bucket/x", b"", IfNoneMatch="*")


def test_a_call_may_repeat_the_filesystems_options(fs, root):
    payer = S3FileSystem(requester_pays=True, s3_additional_kwargs={"StorageClass": "STANDARD"})
    payer.pipe_file(f"{root}/x", b"abc", StorageClass="STANDARD")
    with payer.open(f"{root}/x", requester_pays=True) as f:
        assert f.read() == b"abc"
    with pytest.raises(TypeError, match="'StorageClass'"):
        payer.pipe_file(f"{root}/x", b"abc", StorageClass="GLACIER")


def test_overwriting_is_what_a_put_does(fs, root, tmp_path):
    """As in Prefect's put_directory."""
    (tmp_path / "x").write_bytes(b"new")
    fs.pipe_file(f"{root}/x", b"old")
    fs.put_file(str(tmp_path / "x"), f"{root}/x", overwrite=True)
    assert fs.cat_file(f"{root}/x") == b"new"
    with pytest.raises(TypeError, match="'overwrite' .*mode='create'"):
        fs.put_file(str(tmp_path / "x"), f"{root}/x", overwrite=False)


def test_mkdir_of_a_bucket_that_exists(fs, root):
    bucket = root.partition("/")[0]
    fs.mkdir(bucket, exist_ok=True)
    with pytest.raises(FileExistsError):
        fs.mkdir(bucket)


def test_hints_change_no_result(fs, root):
    path = f"{root}/x"
    fs.pipe_file(path, b"abc", **GIVEN)
    fs.pipe({path: b"abc", path + "2": b"d"}, **GIVEN)
    assert fs.cat_file(path, 1, **GIVEN) == b"bc" and fs.cat([path, path + "2"], **GIVEN) == {path: b"abc", path + "2": b"d"}
    assert fs.ls(root, **GIVEN) == fs.find(root, **GIVEN) == fs.glob(f"{root}/*", **GIVEN) == [path, path + "2"]
    with fs.open(path, **GIVEN) as f:
        assert f.read() == b"abc"


def test_properties_of_one_object():
    assert object_properties("x", {"ContentType": "text/html", "acl": False, "chunksize": 5}) == {"content_type": "text/html"}
    assert object_properties("x", {"Metadata": {"a": "b"}, "content_type": "x/y"}) == {"metadata": {"a": "b"}, "content_type": "x/y"}
    assert object_properties("x", {"s3_additional_kwargs": {"ContentType": "x/y"}}) == {"content_type": "x/y"}
    with pytest.raises(TypeError, match="x: 'ACL' "):
        object_properties("x", {"s3_additional_kwargs": {"ACL": "private"}})


# What s3fs 2024.2 to 2026.9 names in the signatures of its methods, beyond fsspec's names.
S3FS = {
    "bulk_delete": ["pathlist"], "cat_file": ["version_id"], "checksum": ["refresh"], "copy": ["on_error"], "exists": ["version_id"], "get_file": ["version_id"],
    "get_delegated_s3pars": ["exp"], "getxattr": ["attr_name"], "info": ["version_id"], "ls": ["versions"], "metadata": ["refresh"], "mkdir": ["region_name"],
    "modified": ["version_id", "refresh"], "open": ["version_id", "size", "autocommit"], "pipe_file": ["data"], "put_tags": ["tags", "mode"],
    "set_session": ["refresh", "kwargs"], "setxattr": ["copy_kwargs"], "sign": ["expiration"], "touch": ["data"], "url": ["expires", "client_method"],
}  # fmt: skip


@pytest.mark.parametrize("base", [AbstractFileSystem, AsyncFileSystem])
def test_the_parameters_of_fsspec(base):
    """Each has the same name here, or the call takes further arguments, of which the tables above decide."""
    lacking = {}
    for name, theirs in vars(base).items():
        ours = getattr(S3FileSystem, name)
        if name.startswith("__") or not inspect.isfunction(theirs) or not inspect.isfunction(ours):
            continue
        here = inspect.signature(ours).parameters
        further = {p.kind for p in here.values()} & {inspect.Parameter.VAR_KEYWORD}
        names = [p.name for p in inspect.signature(theirs).parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        missing = [n for n in names if n not in here and not further]
        if missing:
            lacking[name] = missing
    assert lacking == {}


def test_the_parameters_of_s3fs():
    for name, names in S3FS.items():
        here = inspect.signature(getattr(S3FileSystem, name)).parameters
        known = {"version_id", "versions", "region_name", "autocommit", "size"} if "kwargs" in here else set()
        assert [n for n in names if n not in here and n not in known] == [], name


def test_s3fss_names_of_parameters(fs, root):
    path = f"{root}/x"
    fs.pipe_file(path, data=b"abc")
    assert fs.cat_file(path) == b"abc"
    asyncio.run(fs._pipe_file(path, data=b"de"))
    assert fs.cat_file(path) == b"de"
    fs.touch(path, data=b"xyz")
    assert fs.cat_file(path) == b"xyz"
    fs.touch(path + "2", truncate=False, data=b"new")
    assert fs.cat_file(path + "2") == b"new"
    assert fs.modified(path, refresh=True) == fs.modified(path, version_id=None)
    assert fs.sizes([path, path + "2"], batch_size=1) == [3, 3]

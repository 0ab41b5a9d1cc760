"""Keyword arguments of the filesystem's constructor, and the options of the library that they become."""

import os
import pathlib

import fsspec
import pytest

from cove.options import text_of, to_library


def test_values_as_the_library_reads_them():
    assert text_of(True) == "true"
    assert text_of(False) == "false"
    assert text_of(8 << 20) == "8388608"
    assert text_of(0.5) == "0.5"
    assert text_of("8MiB") == "8MiB"
    assert text_of(pathlib.Path("/etc/ca.pem")) == "/etc/ca.pem"
    assert text_of({"verify": pathlib.Path("/ca"), "retries": {"max_attempts": 2}}) == '{"verify": "/ca", "retries": {"max_attempts": 2}}'


def test_a_value_that_is_none_is_not_given():
    assert to_library({"key": None, "anon": False}) == {"anon": "false"}


def test_fsspecs_options_are_not_passed_to_the_library():
    given = {"use_listings_cache": True, "listings_expiry_time": 3, "max_paths": 5, "cache_regions": True, "region": "x"}
    assert to_library(given, ("cache_regions",)) == {"region": "x"}


def test_an_object_in_place_of_json_is_named():
    with pytest.raises(TypeError, match="an option cannot have a value of type Config"):
        to_library({"client_kwargs": {"config": type("Config", (), {})()}})


def test_an_unknown_option_is_named(aws):
    from cove import InvalidArgument

    with pytest.raises(InvalidArgument, match="endpoint_ulr.*endpoint_url"):
        fsspec.filesystem("s3", endpoint_ulr="http://127.0.0.1:1")
    with pytest.raises(ValueError, match="max_concurrency"):
        fsspec.filesystem("s3", max_concurrency="many")


def test_every_option_of_s3fs_is_accepted(aws, fs, root):
    given = fsspec.filesystem(
        "s3", anon=False, endpoint_url=aws.endpoint, key=aws.ACCESS_KEY, secret=aws.SECRET_KEY, token=None, use_ssl=False,
        client_kwargs={"region_name": "us-east-1", "verify": True}, requester_pays=False, default_block_size=1 << 20, default_fill_cache=False,
        default_cache_type="none", version_aware=False,
        config_kwargs={"connect_timeout": 5, "request_checksum_calculation": "when_required", "s3": {"addressing_style": "path"}},
        s3_additional_kwargs={"StorageClass": "STANDARD"}, session=None, username=None, password=None, cache_regions=False, asynchronous=False, loop=None,
        max_concurrency=500, fixed_upload_size=False, local_expiry_check=False, use_listings_cache=False, listings_expiry_time=1, max_paths=10,
        skip_instance_cache=True, profile=None,
    )  # fmt: skip
    given.pipe(f"{root}/x", b"1")
    assert fs.cat(f"{root}/x") == b"1"


def test_username_and_password(aws, fs, root):
    fs.pipe(f"{root}/x", b"1")
    given = fsspec.filesystem("s3", username=aws.ACCESS_KEY, password=aws.SECRET_KEY)
    assert given.cat(f"{root}/x") == b"1"


def test_the_first_arguments_may_be_positional(aws):
    from cove.s3 import S3FileSystem

    fs = S3FileSystem(False, aws.endpoint, aws.ACCESS_KEY, aws.SECRET_KEY)
    assert "cove" in fs.ls("")


def test_a_session_gives_its_profile(aws, tmp_path, monkeypatch, root):
    """As botocore has it: a `profile`, and no keys."""
    (tmp_path / "credentials").write_text(f"[mine]\naws_access_key_id = {aws.ACCESS_KEY}\naws_secret_access_key = {aws.SECRET_KEY}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    session = type("Session", (), {"profile": "mine", "_credentials": None})()
    assert fsspec.filesystem("s3", session=session).exists("cove")
    with pytest.raises(ValueError, match="key, secret and token"):
        fsspec.filesystem("s3", session=type("Session", (), {"profile": None, "_credentials": object()})())


def test_fsspecs_environment(aws, monkeypatch):
    """FSSPEC_S3_*: fsspec reads them when it is imported, and its `conf` is what they end in."""
    from fsspec.config import conf, set_conf_env

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    monkeypatch.setenv("FSSPEC_S3_KEY", aws.ACCESS_KEY)
    monkeypatch.setenv("FSSPEC_S3_SECRET", aws.SECRET_KEY)
    monkeypatch.setenv("FSSPEC_S3_ENDPOINT_URL", aws.endpoint)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    before = dict(conf)
    set_conf_env(conf, os.environ)
    try:
        assert fsspec.filesystem("s3").exists("cove")
    finally:
        conf.clear()
        conf.update(before)


def test_a_secret_is_in_no_message(aws):
    with pytest.raises(ValueError) as caught:
        fsspec.filesystem("s3", key="k", secret="hidden-word", read_timeout="never")
    assert "hidden-word" not in str(caught.value)
    fs = fsspec.filesystem("s3", key="k", secret="hidden-word")
    with pytest.raises(PermissionError) as denied:
        fs.cat("cove/x")
    assert "hidden-word" not in str(denied.value) + repr(fs)

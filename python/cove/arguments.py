"""Keyword arguments of single calls: which have an effect, which are ignored, and which raise TypeError.

Programs written for s3fs, or for any filesystem of fsspec, pass more names than cove needs. An argument that only concerns how bytes are transferred is a hint:
the result is the same without it, so it is ignored. An argument that would change the result (the version, the range, a condition, the properties of an object,
who pays) is honoured or raises TypeError. It is never ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Hints of fsspec, s3fs and their callers. cove decides these things without them.
HINTS = frozenset({
    # caches of bytes
    "cache_options", "cache_type", "default_cache", "default_cache_type", "default_fill_cache", "fill_cache", "maxblocks", "trim",
    # caches of listings and of regions
    "cache_regions", "listings_expiry_time", "max_paths", "refresh", "use_listings_cache",
    # sizes of requests
    "block_size", "blocksize", "chunksize", "default_block_size", "fixed_upload_size", "max_gap", "max_prefetch_size",
    # requests under way at once
    "batch_size", "concurrency", "max_concurrency",
    # parent directories, which a store does not need
    "auto_mkdir",
    # options of the filesystem's constructor, for programs that pass them to every call
    "asynchronous", "loop", "skip_instance_cache",
})  # fmt: skip

# Properties of one object that is written, by their names here and in S3.
_PROPERTIES = {"content_type": "content_type", "ContentType": "content_type", "metadata": "metadata", "Metadata": "metadata"}

# s3fs passes these to botocore for one call. cove takes them for all calls, in the filesystem's option `s3_additional_kwargs`.
_ADDITIONAL = frozenset({
    "ACL", "BucketKeyEnabled", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ExpectedBucketOwner", "SSECustomerAlgorithm",
    "SSECustomerKey", "SSECustomerKeyMD5", "SSEKMSEncryptionContext", "SSEKMSKeyId", "ServerSideEncryption", "StorageClass", "Tagging",
    "WebsiteRedirectLocation",
})  # fmt: skip

# What to use instead of an argument that is refused: of any store's, and of S3's.
_INSTEAD = {
    "IfNoneMatch": "a file that must not exist yet is opened with mode 'xb', or piped with mode='create'",
    "Range": "give start and end",
    "overwrite": "a file that must not exist yet is opened with mode 'xb', or put and piped with mode='create'",
}
S3_INSTEAD = {
    **{name: f"give it to the filesystem, as s3_additional_kwargs={{{name!r}: ...}}" for name in _ADDITIONAL},
    "acl": "give it to the filesystem, as s3_additional_kwargs={'ACL': ...}",
    "requester_pays": "give it to the filesystem, as requester_pays=True",
    "VersionId": "give version_id, to a filesystem with version_aware=True",
    "preserve_etag": "the library chooses the parts of a copy",
}

_NOTHING: Mapping[str, Any] = {}

# The value that every call has. Another one, also False, asks for something else.
_ALWAYS = {"overwrite": True}


def _asks_for_nothing(name: str, value: Any) -> bool:
    """Whether a value means "not given", as in the defaults of s3fs: None, False, or empty."""
    if name in _ALWAYS:
        return value is None or value == _ALWAYS[name]
    return value is None or value is False or (isinstance(value, (str, bytes, Mapping, list, tuple, set)) and not value)


def _refusal(place: str, name: str, instead: Mapping[str, str]) -> TypeError:
    advice = instead.get(name) or _INSTEAD.get(name)
    return TypeError(f"{place}: {name!r} is not an argument of this call in cove" + (f": {advice}" if advice else ""))


def check_arguments(
    place: str, arguments: Mapping[str, Any], known: Iterable[str] = (), agreed: Mapping[str, Any] = _NOTHING, instead: Mapping[str, str] = _NOTHING
) -> None:
    """Raises TypeError for an unknown argument. Hints are accepted, and so are values that mean "not given".

    place: the beginning of the message, such as a URL. agreed: values that the filesystem applies to every call, which a call may repeat. instead: advice for
    arguments of this store's other clients, by name.
    """
    for name, value in arguments.items():
        if name not in HINTS and name not in known and not _asks_for_nothing(name, value) and not (name in agreed and agreed[name] == value):
            raise _refusal(place, name, instead)


def object_properties(place: str, arguments: Mapping[str, Any], agreed: Mapping[str, Any] = _NOTHING, instead: Mapping[str, str] = _NOTHING) -> dict[str, Any]:
    """The properties of the object that a call writes: `content_type` and `metadata`, under these names or S3's. Checks others by `check_arguments`."""
    found: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in arguments.items():
        if _asks_for_nothing(name, value):
            continue
        if name in _PROPERTIES:
            found[_PROPERTIES[name]] = dict(value) if _PROPERTIES[name] == "metadata" else value
        elif name == "s3_additional_kwargs":
            found.update(object_properties(place, value, agreed, instead))
        else:
            others[name] = value
    check_arguments(place, others, agreed=agreed, instead=instead)
    return found


def without(arguments: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The other arguments."""
    return {name: value for name, value in arguments.items() if name not in names}

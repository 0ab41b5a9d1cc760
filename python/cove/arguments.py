"""Keyword arguments of single calls: which ones mean something, which ones may be passed and change nothing, and which ones are refused by name.

Programs that were written for s3fs, or for any filesystem of fsspec, pass more names than cove needs. What only says how the bytes should come and go is a
hint: the result is the same without it, so it passes. What would change the result (which version, which bytes, on what condition, which properties an object
gets, who pays) is done, or it raises TypeError; it is never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Names of fsspec, s3fs and their callers for what cove decides by itself.
HINTS = frozenset({
    # caches of bytes
    "cache_options", "cache_type", "default_cache", "default_cache_type", "default_fill_cache", "fill_cache", "maxblocks", "trim",
    # caches of listings and of regions
    "cache_regions", "listings_expiry_time", "max_paths", "refresh", "use_listings_cache",
    # sizes of requests
    "block_size", "blocksize", "chunksize", "default_block_size", "fixed_upload_size", "max_gap", "max_prefetch_size",
    # what is under way at once
    "batch_size", "concurrency", "max_concurrency",
    # folders, of which a store needs none
    "auto_mkdir",
    # which instance of a filesystem is used, for programs that pass all its options on
    "asynchronous", "loop", "skip_instance_cache",
})  # fmt: skip

# What can be said of one object that is written, by both its names.
_PROPERTIES = {"content_type": "content_type", "ContentType": "content_type", "metadata": "metadata", "Metadata": "metadata"}

# What s3fs hands to botocore for one call, and the filesystem's option `s3_additional_kwargs` takes for all.
_ADDITIONAL = frozenset({
    "ACL", "BucketKeyEnabled", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ExpectedBucketOwner", "SSECustomerAlgorithm",
    "SSECustomerKey", "SSECustomerKeyMD5", "SSEKMSEncryptionContext", "SSEKMSKeyId", "ServerSideEncryption", "StorageClass", "Tagging",
    "WebsiteRedirectLocation",
})  # fmt: skip

_INSTEAD = {
    **{name: f"give it to the filesystem, as s3_additional_kwargs={{{name!r}: ...}}" for name in _ADDITIONAL},
    "acl": "give it to the filesystem, as s3_additional_kwargs={'ACL': ...}",
    "requester_pays": "give it to the filesystem, as requester_pays=True",
    "IfNoneMatch": "a file that must not exist yet is opened with mode 'xb', or piped with mode='create'",
    "Range": "give start and end",
    "VersionId": "give version_id, to a filesystem with version_aware=True",
    "overwrite": "a file that must not exist yet is opened with mode 'xb', or put and piped with mode='create'",
    "preserve_etag": "the library chooses the parts of a copy",
}

_NOTHING: Mapping[str, Any] = {}

# What each call does. Another value asks for something else, also False.
_ALWAYS = {"overwrite": True}


def _asks_for_nothing(name: str, value: Any) -> bool:
    """None, False and what is empty, which is how s3fs's own defaults say that there is nothing to do."""
    if name in _ALWAYS:
        return value is None or value == _ALWAYS[name]
    return value is None or value is False or (isinstance(value, (str, bytes, Mapping, list, tuple, set)) and not value)


def _refusal(place: str, name: str) -> TypeError:
    instead = _INSTEAD.get(name)
    return TypeError(f"{place}: {name!r} is not an argument of this call in cove" + (f": {instead}" if instead else ""))


def check_arguments(place: str, arguments: Mapping[str, Any], known: Iterable[str] = (), agreed: Mapping[str, Any] = _NOTHING) -> None:
    """Raises TypeError for an argument that a call does not know. What asks for nothing passes, and so do hints.

    place: what the message begins with, such as a URL. agreed: what the filesystem does in each call, so that the same value may be asked for.
    """
    for name, value in arguments.items():
        if name not in HINTS and name not in known and not _asks_for_nothing(name, value) and not (name in agreed and agreed[name] == value):
            raise _refusal(place, name)


def object_properties(place: str, arguments: Mapping[str, Any], agreed: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
    """What a call says of the object that it writes: `content_type` and `metadata`, under these names or S3's. Others as in `check_arguments`."""
    found: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in arguments.items():
        if _asks_for_nothing(name, value):
            continue
        if name in _PROPERTIES:
            found[_PROPERTIES[name]] = dict(value) if _PROPERTIES[name] == "metadata" else value
        elif name == "s3_additional_kwargs":
            found.update(object_properties(place, value, agreed))
        else:
            others[name] = value
    check_arguments(place, others, agreed=agreed)
    return found

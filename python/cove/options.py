"""From Python's keyword arguments to the library's named options, which are strings; and to the properties of one object."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

# What fsspec gives to every filesystem for its cache of listings. cove keeps no listings, so there is nothing to set.
LISTING_OPTIONS = frozenset({"use_listings_cache", "listings_expiry_time", "max_paths"})

# Hints of other clients for one call, which cove decides by itself.
_HINTS = frozenset({
    "batch_size", "block_size", "blocksize", "cache_options", "cache_type", "chunksize", "fill_cache", "max_concurrency", "refresh", "requester_pays",
})

_CONTENT_TYPE = frozenset({"content_type", "ContentType"})
_METADATA = frozenset({"metadata", "Metadata"})


def check_arguments(url: str, arguments: Mapping[str, Any], known: Iterable[str] = ()) -> None:
    """Raises TypeError for an argument that a call does not know, except None, False and the hints of other clients."""
    for name, value in arguments.items():
        if value is not None and value is not False and name not in _HINTS and name not in known:
            raise TypeError(f"{url}: {name!r} is not an argument of this call in cove")


def text_of(value: Any) -> str:
    """One option's value as the library reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value, default=_plain)
    return str(os.fspath(value)) if isinstance(value, os.PathLike) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is no value of an option; give numbers, text, lists and dicts")


def to_library(options: Mapping[str, Any], accepted: Iterable[str] = ()) -> dict[str, str]:
    """The options that are for the library to check. None means "not given", as it does in Python.

    Those in `accepted` belong to other clients: they are taken, so that code that names them goes on to run, and mean nothing here.
    """
    left_out = LISTING_OPTIONS.union(accepted)
    return {name: text_of(value) for name, value in options.items() if value is not None and name not in left_out}


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """Parses a duration that the library has accepted, such as "30s" or "200ms"; a number alone is in seconds."""
    number, unit = re.fullmatch(r"(.*?)(ms|s|m|h)?", duration.lower()).groups()  # type: ignore[union-attr]  # whatever it is, it matches
    return float(number) * _UNITS[unit or "s"]


def object_properties(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a call says of the object that it writes: `content_type` and `metadata`, under these names or S3's.

    Raises TypeError for another one: a property that is left out without a word would be noticed too late.
    """
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if value is None or value is False or name in _HINTS:  # acl=False is how s3fs says that there is none
            continue
        if name in _CONTENT_TYPE:
            found["content_type"] = value
        elif name in _METADATA:
            found["metadata"] = dict(value)
        elif name == "s3_additional_kwargs":
            found.update(object_properties(value))
        else:
            raise TypeError(f"{name!r} cannot be set for one object; give it to the filesystem as s3_additional_kwargs={{{name!r}: ...}}")
    return found

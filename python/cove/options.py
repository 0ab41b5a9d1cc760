"""From Python's keyword arguments to the library's named options, which are strings."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

# What fsspec gives to every filesystem for its cache of listings. cove keeps no listings, so there is nothing to set.
LISTING_OPTIONS = frozenset({"use_listings_cache", "listings_expiry_time", "max_paths"})


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

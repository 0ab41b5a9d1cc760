"""Converts Python keyword arguments to the library's options, which are strings."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

# fsspec's options for its cache of listings. cove caches no listings, so they have no effect.
LISTING_OPTIONS = frozenset({"use_listings_cache", "listings_expiry_time", "max_paths"})


def text_of(value: Any) -> str:
    """The value of one option, as the library's text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value, default=_plain)
    return str(os.fspath(value)) if isinstance(value, os.PathLike) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"an option cannot have a value of type {type(value).__name__}; use numbers, text, lists and dicts")


def to_library(options: Mapping[str, Any], accepted: Iterable[str] = ()) -> dict[str, str]:
    """The options to pass to the library, which checks them. None means "not given".

    Options in `accepted` belong to other clients. They are accepted without effect, so that code written for those clients runs.
    """
    left_out = LISTING_OPTIONS.union(accepted)
    return {name: text_of(value) for name, value in options.items() if value is not None and name not in left_out}


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """Parses a duration that the library has accepted, such as "30s" or "200ms"; a number alone is in seconds."""
    number, unit = re.fullmatch(r"(.*?)(ms|s|m|h)?", duration.lower()).groups()  # type: ignore[union-attr]  # every text matches
    return float(number) * _UNITS[unit or "s"]

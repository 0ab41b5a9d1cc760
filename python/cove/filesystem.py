"""The fsspec filesystem that the classes of all stores share. Its synchronous methods call the library directly; the coroutines are in coroutines.py."""

from __future__ import annotations

from cove.changes import Changes
from cove.coroutines import Coroutines
from cove.reading import Reading
from cove.writing import Writing


class CoveFileSystem(Coroutines, Changes, Writing, Reading):
    """The base class of all filesystems of this package.

    Parameters
    ----------
    append_interval:
        Seconds until bytes written to an "ab" file are sent to the store; longer if a flush takes more than half of that. Until then only this process
        sees them. 0: each write is sent at once.
    append_bytes:
        Buffered bytes of an "ab" file that are sent without waiting for the interval.
    asynchronous, loop, batch_size, skip_instance_cache, use_listings_cache, listings_expiry_time, max_paths:
        As in fsspec. Listings are not cached, so the last three have no effect.
    options:
        Options of the library (`cove fs SCHEME` lists them). An unknown option raises InvalidArgument, which names it.
    """

"""Names the kind of a file that torch cannot load, or that Lightning cannot resume from.

torch reports only a parser error, Lightning only a KeyError; mostly the file is not a checkpoint. libcove has the same table (src/checkpoint/file_kind.c).
"""

from __future__ import annotations

import re
import zipfile
from typing import Any

_HEAD = 512
_SHOWN = 40  # characters of a text or name in a message
# The start of torch.save's format before 1.6, which it still writes with _use_new_zipfile_serialization=False: a pickle of its magic number. It is a text in
# protocols 0 and 1, and may have a frame from 4 on.
_OLD_FORMAT = re.compile(rb"\x80[\x02-\x05](?:\x95.{8})?\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\.|L119547037146038801333356L\n\.", re.DOTALL)

_BEGINNINGS = (
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x93NUMPY", "a numpy.save file"),
    (b"\x80", "a pickle that torch.save did not write"),
)


def file_kind(file: Any) -> str | None:
    """The kind of an open file, as a noun phrase; None if it looks like a file of torch.save."""
    file.seek(0)
    head = file.read(_HEAD)
    if not head:
        return "an empty file"
    if head.startswith(b"PK"):
        return _zip(file)
    if _OLD_FORMAT.match(head) or head[257:262] == b"ustar":
        return None
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML document"
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= file.seek(0, 2) - 8:
        return "a safetensors file; load it with safetensors.torch.load_file"
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    text = _as_text(head)
    return f"a text that begins with {text[:_SHOWN]!r}" if text else f"a file that begins with the bytes {head[:8].hex(' ')}"


def _zip(file: Any) -> str | None:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return "a truncated or damaged zip archive"
    if any(name.endswith("/data.pkl") for name in names):
        return None
    return f"a zip archive without data.pkl; it has {', '.join(map(_shortened, names[:3])) or 'no files'}{', …' if len(names) > 3 else ''}"


def _shortened(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else name[:_SHOWN] + "…")


def _as_text(head: bytes) -> str | None:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # the last character may be cut
            return None
        text = head[: error.start].decode()
    return text if all(character.isprintable() or character in "\t\r\n" for character in text) else None


def other_object(loaded: Any) -> str | None:
    """What torch has loaded, as a noun phrase; None if it is a checkpoint of Lightning."""
    kind = type(loaded)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if hasattr(loaded, "load_state_dict") and hasattr(loaded, "state_dict"):
        return f"a whole {name}; save its state_dict()"
    if not isinstance(loaded, dict):
        return f"an object of the class {name}"
    if "pytorch-lightning_version" in loaded:
        return None
    if loaded and all(hasattr(value, "untyped_storage") for value in loaded.values()):
        return "a state_dict; load it with model.load_state_dict(torch.load(…))"
    keys = ", ".join(repr(key)[:40] for key in list(loaded)[:3])
    return f"a dict without 'pytorch-lightning_version'; it has {keys or 'no keys'}{', …' if len(loaded) > 3 else ''}"

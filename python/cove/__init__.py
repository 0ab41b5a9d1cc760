"""cove: remote filesystems for training, under fsspec's and Lightning's names.

With this package installed fsspec serves s3:// by cove: `Trainer(default_root_dir="s3://bucket/run")`, `fsspec.open("s3://...")` and
`pandas.read_csv("s3://...")` need no further line. Where another package has claimed the same scheme, call `cove.register()`.

What is named here is loaded when it is first used, so that `import cove` costs next to nothing.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers read this name as True; importing `typing` for it would take longer than all of this
if TYPE_CHECKING:  # the names of _LAZY
    from cove._cove import CorruptData, InvalidArgument, PreconditionFailed, __version__, known_implementations, option_help, set_log
    from cove.filesystem import CoveFileSystem
    from cove.s3 import S3FileSystem

# Which class serves a URL, by its scheme; `pyproject.toml` gives the same to fsspec.
FILESYSTEMS = {
    "s3": "cove.s3:S3FileSystem",
    "s3a": "cove.s3:S3FileSystem",
    "S3": "cove.s3:S3FileSystem",  # schemes are case-insensitive, but fsspec's table is not
    "S3A": "cove.s3:S3FileSystem",
}

_LAZY = {
    "CoveFileSystem": "cove.filesystem",
    "S3FileSystem": "cove.s3",
    "CorruptData": "cove._cove",
    "InvalidArgument": "cove._cove",
    "PreconditionFailed": "cove._cove",
    "known_implementations": "cove._cove",
    "option_help": "cove._cove",
    "set_log": "cove._cove",
    "__version__": "cove._cove",
}

__all__ = [
    "FILESYSTEMS",
    "CorruptData",
    "CoveFileSystem",
    "InvalidArgument",
    "PreconditionFailed",
    "S3FileSystem",
    "__version__",
    "known_implementations",
    "option_help",
    "register",
    "set_log",
]


def register() -> None:
    """Makes fsspec serve every scheme of cove's by cove, whichever package had it before; TensorBoard, too, which has its own way to s3:// where boto3
    is installed.

    Filesystems that were made earlier stay what they are.
    """
    import fsspec

    from cove.loading import is_installed

    for scheme, place in FILESYSTEMS.items():
        module, name = place.split(":")
        fsspec.register_implementation(scheme, getattr(import_module(module), name), clobber=True)
    if is_installed("tensorboard") and is_installed("boto3"):
        import_module("cove.tensorboard").register()


if not TYPE_CHECKING:  # with it, every missing name would have a type

    def __getattr__(name: str) -> object:
        module = _LAZY.get(name)
        if module is None:
            raise AttributeError(f"module 'cove' has no attribute {name!r}")
        try:
            value = getattr(import_module(module), name)
        except ImportError as error:
            from cove.loading import explained

            with explained():
                raise error
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])

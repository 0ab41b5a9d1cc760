"""cove: remote filesystems for training, under fsspec's and Lightning's names.

Once this package is installed, fsspec uses cove for s3://, gs://, az:// and hdfs:// URLs: `Trainer(default_root_dir="s3://bucket/run")`, `fsspec.open("s3://...")` and
`pandas.read_csv("s3://...")` work without another line. If another package has registered the scheme, call `cove.register()`.

Names of this module are imported at their first use, so that `import cove` is fast.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers treat this name as True; importing `typing` for it would take longer than the rest of this module
if TYPE_CHECKING:  # the names of _LAZY
    from cove._cove import CorruptData, InvalidArgument, PreconditionFailed, __version__, known_implementations, option_help, set_log
    from cove.azure import AzureBlobFileSystem
    from cove.filesystem import CoveFileSystem
    from cove.gcs import GCSFileSystem
    from cove.hadoop import HadoopFileSystem, SecureWebHDFSFileSystem, ViewFileSystem, WebHDFSFileSystem
    from cove.s3 import S3FileSystem
    from cove.schemes import FILESYSTEMS

_LAZY = {
    "FILESYSTEMS": "cove.schemes",
    "AzureBlobFileSystem": "cove.azure",
    "CoveFileSystem": "cove.filesystem",
    "GCSFileSystem": "cove.gcs",
    "HadoopFileSystem": "cove.hadoop",
    "S3FileSystem": "cove.s3",
    "SecureWebHDFSFileSystem": "cove.hadoop",
    "ViewFileSystem": "cove.hadoop",
    "WebHDFSFileSystem": "cove.hadoop",
    "CorruptData": "cove._cove",
    "InvalidArgument": "cove._cove",
    "PreconditionFailed": "cove._cove",
    "known_implementations": "cove._cove",
    "option_help": "cove._cove",
    "set_log": "cove._cove",
    "__version__": "cove._cove",
}

__all__ = [
    "AzureBlobFileSystem",
    "FILESYSTEMS",
    "CorruptData",
    "CoveFileSystem",
    "GCSFileSystem",
    "HadoopFileSystem",
    "InvalidArgument",
    "PreconditionFailed",
    "S3FileSystem",
    "SecureWebHDFSFileSystem",
    "ViewFileSystem",
    "WebHDFSFileSystem",
    "__version__",
    "known_implementations",
    "option_help",
    "register",
    "set_log",
]


def register() -> None:
    """Registers cove with fsspec for every scheme of cove's, in place of any other package. Does the same for TensorBoard, which otherwise accesses s3://
    through boto3 if that is installed.

    Filesystem instances that were made earlier do not change.
    """
    import fsspec

    from cove.loading import is_installed
    from cove.schemes import FILESYSTEMS

    for scheme, place in FILESYSTEMS.items():
        module, name = place.split(":")
        fsspec.register_implementation(scheme, getattr(import_module(module), name), clobber=True)
    if is_installed("tensorboard") and is_installed("boto3"):
        import_module("cove.tensorboard").register()


if not TYPE_CHECKING:  # a type checker that sees __getattr__ accepts every missing name

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

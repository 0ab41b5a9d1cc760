"""TensorBoard and s3:// where boto3 is installed.

TensorBoard then has its own class for s3://, which never asks fsspec, writes the whole file again at each flush and knows neither
profiles nor regions. Registered over it, fsspec is asked for s3:// as for every other scheme.

    cove.register()         in a program that writes logs
    tensorboard --logdir …  finds Loader by its entry point, when the package is installed
"""

from tensorboard.compat.tensorflow_stub.io import gfile
from tensorboard.plugins.base_plugin import TBLoader


def register() -> None:
    """Lets fsspec have s3://, in this process."""
    gfile.register_filesystem("s3", gfile.FSSpecFileSystem())


class Loader(TBLoader):
    """A plugin to TensorBoard in that it is loaded at its start; it shows nothing."""

    def __init__(self) -> None:
        register()

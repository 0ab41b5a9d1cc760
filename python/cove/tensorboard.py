"""Makes TensorBoard use fsspec, and so cove, for s3:// if boto3 is installed, and for gs://.

With boto3, TensorBoard uses its own class instead of fsspec for s3://. That class writes the whole file again at each flush, and supports neither
profiles nor regions. `register` replaces it, so that s3:// is handled by fsspec like every other scheme.

For gs:// the command's faster loader has its own client, without cove's credentials and options; Loader leaves it out.

    cove.register()         in a program that writes logs
    tensorboard --logdir …  finds Loader by its entry point, when the package is installed
"""

from typing import Any

from tensorboard.compat.tensorflow_stub.io import gfile
from tensorboard.plugins.base_plugin import TBLoader


def register() -> None:
    """Makes TensorBoard use fsspec for s3://, in this process."""
    gfile.register_filesystem("s3", gfile.FSSpecFileSystem())


class Loader(TBLoader):
    """A TensorBoard plugin without a page. TensorBoard loads it at its start, which calls `register`."""

    def __init__(self) -> None:
        register()

    def fix_flags(self, flags: Any) -> None:
        """With a folder of gs:// among those to be read, --load_fast=auto means false."""
        where = " ".join(str(getattr(flags, name, None) or "") for name in ("logdir", "logdir_spec"))
        if "gs://" in where and getattr(flags, "load_fast", None) == "auto":
            flags.load_fast = "false"

"""Errors if the package cannot be loaded, and the package installed together with s3fs."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

import env as environment
from counted import PLACES

EXTENSION = "_cove.abi3.so"
BACK = 'fsspec.register_implementation("s3", s3fs.S3FileSystem, clobber=True)'


def run(code, *places):
    """What a program prints with these folders before the others."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": environment.python_path(*places)}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def damaged(tmp_path):
    """A copy of the package without its extension, and the entry points."""
    package = environment.build_dir() / "python" / "cove"
    shutil.copytree(package, tmp_path / "cove", ignore=shutil.ignore_patterns("*.so", "*.p", "__pycache__"))
    return tmp_path


ASKS = """
    import fsspec, sys
    for ask in (lambda: fsspec.filesystem("s3"), lambda: fsspec.open("s3a://b/x"), lambda: __import__("cove").S3FileSystem):
        try:
            ask()
        except ImportError as error:
            print(error)
        else:
            sys.exit("it loads")
"""


def message_of(damaged):
    """The error of each way to load the package: they agree."""
    lines = run(ASKS, damaged, PLACES[0]).splitlines()
    assert len(lines) == 3 and len(set(lines)) == 1 and lines[0].startswith("cove cannot be loaded: ") and lines[0].endswith(BACK)
    return lines[0]


def test_a_missing_extension_is_named(damaged):
    assert f"its extension _cove is not in {damaged}/cove. Install cove again" in message_of(damaged)


def test_an_extension_of_another_python_is_named(damaged):
    (damaged / "cove" / "_cove.cpython-37m-x86_64-linux-gnu.so").write_bytes(b"")
    message = message_of(damaged)
    assert "_cove.cpython-37m-x86_64-linux-gnu.so" in message and f"is not for this Python (CPython {sys.version_info.major}." in message


def test_an_extension_of_another_machine_is_named(damaged):
    (damaged / "cove" / EXTENSION).write_bytes(b"\x7fELF no library of this machine")
    assert f"{EXTENSION} in {damaged}/cove is not for this Python" in message_of(damaged)


def test_a_missing_library_is_named(damaged):
    """The extension's tables name libisal; a library of another name is not there."""
    data = (environment.build_dir() / "python" / "cove" / EXTENSION).read_bytes()
    assert b"libisal.so.2\0" in data
    (damaged / "cove" / EXTENSION).write_bytes(data.replace(b"libisal.so.2\0", b"libisxx.so.2\0"))
    message = message_of(damaged)
    assert "libisxx.so.2: cannot open shared object file" in message and "Install the package of that library" in message


def test_a_too_old_fsspec_is_named():
    code = f"""
        import fsspec
        fsspec.__version__ = "2023.12.2"
        {textwrap.indent(textwrap.dedent(ASKS), " " * 8).lstrip()}
    """
    lines = set(run(code, *PLACES).splitlines())
    assert len(lines) == 1
    assert "it needs fsspec 2024.2.0 or newer, and this is 2023.12.2: pip install 'fsspec>=2024.2.0'" in lines.pop()


USES = """
    import logging, sys
    logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s", stream=sys.stdout)
    import fsspec
    for endpoint in ("http://127.0.0.1:1", "http://127.0.0.1:2"):
        fs = fsspec.filesystem("s3", endpoint_url=endpoint)
        print(type(fs).__module__)
    import s3fs
    fsspec.register_implementation("s3", s3fs.S3FileSystem, clobber=True)
    print(type(fsspec.filesystem("s3")).__module__)
"""


@pytest.fixture
def s3fs(tmp_path):
    """A package of that name, with a filesystem and, as s3fs, without an entry point."""
    folder = tmp_path / "beside"
    (folder / "s3fs").mkdir(parents=True)
    (folder / "s3fs" / "__init__.py").write_text(
        "from fsspec import AbstractFileSystem\n\n\nclass S3FileSystem(AbstractFileSystem):\n    protocol = ('s3', 's3a')\n"
    )
    return folder


@pytest.mark.parametrize("first", [True, False])
def test_cove_serves_s3_beside_s3fs_and_logs_it_once(s3fs, first):
    first_line, *rest = run(USES, *([s3fs, *PLACES] if first else [*PLACES, s3fs])).splitlines()
    assert first_line.startswith("cove INFO s3:// is served by cove; s3fs is installed, too.") and first_line.endswith(BACK)
    assert rest == ["cove.s3", "cove.s3", "s3fs"]


def test_nothing_is_logged_where_s3fs_serves_s3(s3fs):
    code = """
        import logging, sys
        logging.basicConfig(level=logging.INFO, stream=sys.stdout)
        import fsspec, s3fs, cove
        fsspec.register_implementation("s3", s3fs.S3FileSystem, clobber=True)
        cove.S3FileSystem(endpoint_url="http://127.0.0.1:1")
        print("silent")
    """
    assert run(code, s3fs, *PLACES) == "silent\n"


def test_cove_serves_gs_beside_gcsfs_and_logs_it_once(tmp_path):
    """fsspec's table names gcsfs, which has no entry point."""
    (tmp_path / "gcsfs").mkdir()
    (tmp_path / "gcsfs" / "__init__.py").write_text(
        "from fsspec import AbstractFileSystem\n\n\nclass GCSFileSystem(AbstractFileSystem):\n    protocol = ('gs', 'gcs')\n"
    )
    code = """
        import logging, sys
        logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s", stream=sys.stdout)
        import fsspec
        for scheme in ("gs", "gcs"):
            print(type(fsspec.filesystem(scheme, token="anon", project=scheme)).__module__)
        import gcsfs
        fsspec.register_implementation("gs", gcsfs.GCSFileSystem, clobber=True)
        print(type(fsspec.filesystem("gs")).__module__)
    """
    told, *rest = run(code, tmp_path, *PLACES).splitlines()
    assert told.startswith("cove INFO gs:// is served by cove; gcsfs is installed, too.")
    assert told.endswith('fsspec.register_implementation("gs", gcsfs.GCSFileSystem, clobber=True)')
    assert rest == ["cove.gcs", "cove.gcs", "gcsfs"]


ADLFS = "from fsspec import AbstractFileSystem\n\n\nclass AzureBlobFileSystem(AbstractFileSystem):\n    protocol = ('abfs', 'az', 'abfss')\n"


@pytest.mark.parametrize("first", [True, False])
def test_cove_serves_az_beside_adlfs_and_logs_it_once(tmp_path, first):
    """fsspec's table names adlfs, which has an entry point for abfss alone."""
    (tmp_path / "adlfs").mkdir()
    (tmp_path / "adlfs" / "__init__.py").write_text(ADLFS)
    (tmp_path / "adlfs-1.dist-info").mkdir()
    (tmp_path / "adlfs-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: adlfs\nVersion: 1\n")
    (tmp_path / "adlfs-1.dist-info" / "entry_points.txt").write_text("[fsspec.specs]\nabfss = adlfs:AzureBlobFileSystem\n")
    code = """
        import logging, sys
        logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s", stream=sys.stdout)
        import fsspec
        for scheme in ("az", "abfs", "adl", "abfss"):
            print(type(fsspec.filesystem(scheme, account_name=scheme + "0", anon=True)).__module__)
        import adlfs
        fsspec.register_implementation("az", adlfs.AzureBlobFileSystem, clobber=True)
        print(type(fsspec.filesystem("az")).__module__)
    """
    told, *rest = run(code, *([tmp_path, *PLACES] if first else [*PLACES, tmp_path])).splitlines()
    assert told.startswith("cove INFO az:// is served by cove; adlfs is installed, too.")
    assert told.endswith('fsspec.register_implementation("az", adlfs.AzureBlobFileSystem, clobber=True)')
    assert rest == ["cove.azure"] * 4 + ["adlfs"]


def test_cove_serves_hdfs_beside_pyarrow_and_logs_it_once(tmp_path):
    """fsspec's table names its own class by pyarrow, which stays under arrow_hdfs."""
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("")
    code = """
        import logging, sys
        logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s", stream=sys.stdout)
        import fsspec
        for host in ("nn1", "nn2"):
            print(type(fsspec.filesystem("hdfs", host=host)).__module__)
        print(fsspec.get_filesystem_class("arrow_hdfs").__module__)
        fsspec.register_implementation("hdfs", fsspec.get_filesystem_class("arrow_hdfs"), clobber=True)
        print(fsspec.get_filesystem_class("hdfs").__module__)
    """
    told, *rest = run(code, tmp_path, *PLACES).splitlines()
    assert told.startswith("cove INFO hdfs:// is served by cove; pyarrow is installed, too.")
    assert told.endswith('fsspec.register_implementation("hdfs", fsspec.get_filesystem_class("arrow_hdfs"), clobber=True)')
    assert rest == ["cove.hadoop", "cove.hadoop", *["fsspec.implementations.arrow"] * 2]


def test_the_way_back_to_gcsfs_is_named(damaged):
    code = """
        import fsspec
        for ask in (lambda: fsspec.filesystem("gs"), lambda: fsspec.open("gcs://b/x"), lambda: __import__("cove").GCSFileSystem):
            try:
                ask()
            except ImportError as error:
                print(error)
    """
    lines = run(code, damaged, PLACES[0]).splitlines()
    assert len(lines) == 3 and len(set(lines)) == 1 and "To have gs:// by gcsfs instead" in lines[0]


def test_nothing_is_logged_without_s3fs():
    assert run(USES.partition("    import s3fs")[0], *PLACES).splitlines() == ["cove.s3", "cove.s3"]


def test_a_stub_in_the_place_of_a_package(s3fs):
    """Tests of other programs have them; a module that is not imported from anywhere has no spec."""
    code = """
        import sys, types
        from unittest import mock
        for name in ("s3fs", "boto3", "tensorboard"):
            sys.modules[name] = types.ModuleType(name) if name == "boto3" else mock.MagicMock()
        import cove
        print(cove.S3FileSystem(endpoint_url="http://127.0.0.1:1"))
        from cove.loading import is_installed
        print([is_installed(name) for name in ("s3fs", "boto3", "tensorboard", "nothing_of_that_name")])
    """
    assert run(code, *PLACES).splitlines() == ["<S3FileSystem http://127.0.0.1:1>", "[True, True, True, False]"]


def test_the_oldest_fsspec_is_the_documented_one():
    from cove import loading

    assert f'"fsspec>={".".join(map(str, loading.OLDEST_FSSPEC))}"' in (environment.ROOT / "pyproject.toml").read_text()

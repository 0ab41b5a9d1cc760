"""Makes tests, and processes that they start, import the package from the build folder."""

import os
import subprocess
import sys
import textwrap
import uuid

import pytest

import env as environment
from trees import TREE

PACKAGE = environment.build_dir() / "python"
sys.path.insert(0, str(PACKAGE))


class Store:
    """A fresh directory of a store: `fs` and paths below `root`."""

    def __init__(self, name, url, options, environ):
        from cove import _cove

        self.name, self.url, self.options, self.environ = name, url, options, environ
        self.fs = _cove.Filesystem(url, options)
        self.root = self.fs.path(url)

    def __truediv__(self, name):
        return f"{self.root}/{name}"


def open_store(name, request, tmp_path):
    key = uuid.uuid4().hex
    if name == "file":
        return Store(name, (tmp_path / key).as_uri(), {}, {})
    if name == "memory":
        return Store(name, f"memory://python/{key}", {}, {})
    server = request.getfixturevalue("minio")
    options = {"endpoint_url": server.endpoint, "key": server.ACCESS_KEY, "secret": server.SECRET_KEY, "region": server.region}
    return Store(name, f"s3://cove/python/{key}", options, server.environ)


@pytest.fixture(params=["memory", "file", "s3"])
def store(request, tmp_path):
    return open_store(request.param, request, tmp_path)


@pytest.fixture
def s3(request, tmp_path):
    return open_store("s3", request, tmp_path)


@pytest.fixture
def memory(request, tmp_path):
    return open_store("memory", request, tmp_path)


@pytest.fixture
def python():
    """Runs a program of Python with the package on its path; what it printed."""

    def start(code, *args, environ=(), **more):
        # Python 3.12 and later warn of forks beside threads, which is what some of these programs are for.
        environ = {**os.environ, "PYTHONWARNINGS": "ignore:This process:DeprecationWarning", **dict(environ), "PYTHONPATH": environment.python_path(PACKAGE)}
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, args)], env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
        )

    def run(code, *args, environ=(), rc=0):
        process = start(code, *args, environ=environ)
        out, stderr = process.communicate(timeout=120)
        assert (process.returncode, stderr) == (rc, ""), (out, stderr)
        return out

    run.start = start
    return run


@pytest.fixture
def aws(minio, monkeypatch):
    """The environment leads s3:// to the session's MinIO; instances do not outlive the test."""
    import cove
    from cove.s3 import S3FileSystem

    cove.register()
    for name, value in minio.environ.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    yield minio
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def fs(aws):
    from cove.s3 import S3FileSystem

    return S3FileSystem()


@pytest.fixture
def google(fake_gcs, monkeypatch):
    """The same for gs://, with the session's fake-gcs-server."""
    import cove
    from cove.gcs import GCSFileSystem

    cove.register()
    for name, value in fake_gcs.environ.items():
        monkeypatch.setenv(name, value)
    GCSFileSystem.clear_instance_cache()
    yield fake_gcs
    GCSFileSystem()._end("")
    GCSFileSystem.clear_instance_cache()


@pytest.fixture
def gs(google):
    from cove.gcs import GCSFileSystem

    return GCSFileSystem()


@pytest.fixture
def azure(azurite, monkeypatch):
    """The same for az://, with the session's Azurite."""
    import cove
    from cove.azure import AzureBlobFileSystem

    cove.register()
    for name, value in azurite.environ.items():
        monkeypatch.setenv(name, value)
    AzureBlobFileSystem.clear_instance_cache()
    yield azurite
    AzureBlobFileSystem()._end("")
    AzureBlobFileSystem.clear_instance_cache()


@pytest.fixture
def az(azure):
    from cove.azure import AzureBlobFileSystem

    return AzureBlobFileSystem()


@pytest.fixture
def hadoop(hdfs_server, monkeypatch, tmp_path_factory):
    """The same for hdfs:// and webhdfs://, with the session's Hadoop: hdfs://lightning is a nameservice of the site files, and the default."""
    import cove
    from cove.hadoop import HadoopFileSystem, WebHDFSFileSystem

    cove.register()
    for name, value in {**hdfs_server.environ, **hdfs_server.nameservice(tmp_path_factory.mktemp("conf"))}.items():
        monkeypatch.setenv(name, value)
    HadoopFileSystem.clear_instance_cache()
    WebHDFSFileSystem.clear_instance_cache()
    yield hdfs_server
    HadoopFileSystem()._end("")
    webhdfs_of(hdfs_server)._end("")
    HadoopFileSystem.clear_instance_cache()
    WebHDFSFileSystem.clear_instance_cache()


def webhdfs_of(server):
    from cove.hadoop import WebHDFSFileSystem

    return WebHDFSFileSystem("127.0.0.1", server.port)


@pytest.fixture
def hdfs(hadoop):
    from cove.hadoop import HadoopFileSystem

    return HadoopFileSystem("lightning")


@pytest.fixture
def webhdfs(hadoop):
    return webhdfs_of(hadoop)


class Cloud:
    """A store that is not S3: `fs`, and the `scheme` that Lightning's pages write for it."""

    def __init__(self, scheme, fs):
        self.scheme, self.fs = scheme, fs


@pytest.fixture(params=["gs", "az"])
def cloud(request):
    return Cloud(request.param, request.getfixturevalue(request.param))


@pytest.fixture(params=["hdfs", "webhdfs"])
def cluster(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def other(aws):
    """Another client of the same store, which shares no state with `fs` but the process."""
    from cove.s3 import S3FileSystem

    return S3FileSystem(retries=9)


@pytest.fixture
def root():
    """A directory of the test's own, without its scheme."""
    return f"cove/python/{uuid.uuid4().hex}"


@pytest.fixture
def tree(fs, root):
    """`root` with the files of `trees.TREE`."""
    fs.pipe({f"{root}/{name}": data for name, data in TREE.items()})
    return root

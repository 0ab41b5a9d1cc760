"""HadoopFileSystem and WebHDFSFileSystem: names of fsspec's own classes, URLs, paths with a slash before them, directories that exist by themselves."""

from datetime import timezone

import cove
import fsspec
import pytest
from cove import HadoopFileSystem, SecureWebHDFSFileSystem, ViewFileSystem, WebHDFSFileSystem
from fsspec.core import url_to_fs


@pytest.fixture
def top(cluster, root):
    path = f"/{root}"
    cluster.makedirs(path)
    return path


# ---- without a server ----


def test_each_scheme_has_its_class():
    cove.register()
    kinds = {"hdfs": HadoopFileSystem, "viewfs": ViewFileSystem, "webhdfs": WebHDFSFileSystem, "swebhdfs": SecureWebHDFSFileSystem}
    for scheme, kind in {**kinds, "webHDFS": WebHDFSFileSystem}.items():
        assert fsspec.get_filesystem_class(scheme) is kind


@pytest.mark.parametrize(
    "url, options, path",
    [
        ("hdfs://nn1:9000/a/b", {"host": "nn1", "port": 9000}, "/a/b"),
        ("hdfs://me@nn1/a?replication=2", {"host": "nn1", "user": "me", "replication": 2}, "/a"),
        ("hdfs:///a/b/", {}, "/a/b"),
        ("HDFS://ns1", {"host": "ns1"}, "/"),
        ("hdfs://ns1/a?replication=x", {"host": "ns1"}, "/a?replication=x"),
        ("hdfs://[::1]:9000/a", {"host": "[::1]", "port": 9000}, "/a"),
        ("/a?replication=2", {}, "/a?replication=2"),
    ],
)
def test_what_a_url_names(url, options, path):
    assert HadoopFileSystem._get_kwargs_from_urls(url) == options
    assert HadoopFileSystem._strip_protocol(url) == path


def test_what_a_url_of_webhdfs_names():
    url = "webhdfs://me:secret%40@nn1:9870/a"
    assert WebHDFSFileSystem._get_kwargs_from_urls(url) == {"host": "nn1", "port": 9870, "user": "me", "password": "secret@"}
    assert WebHDFSFileSystem._strip_protocol(url) == "/a"


def test_the_environment_of_a_cluster_is_the_default(tmp_path, monkeypatch):
    (tmp_path / "core-site.xml").write_text("<configuration><property><name>fs.defaultFS</name><value>hdfs://nn9:9000</value></property></configuration>")
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    for fs in HadoopFileSystem(), HadoopFileSystem(None), HadoopFileSystem("default", 0):
        assert fs.unstrip_protocol("/a") == "hdfs://nn9:9000/a"
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path / "none"))
    with pytest.raises(OSError, match="option `host`.*fs.defaultFS of .*/none is not set"):
        HadoopFileSystem(skip_instance_cache=True)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"kerberos": True}, "kerberos is not supported: pass a delegation token"),
        ({"kerb_kwargs": {"principal": "x"}}, "kerb_kwargs is not supported"),
        ({"data_proxy": {"a": "b"}}, "data_proxy is not supported: DataNodes must be reachable"),
        ({"session_cert": "cert.pem"}, "session_cert is not supported"),
    ],
)
def test_options_that_are_refused(options, text):
    with pytest.raises(TypeError, match=text):
        WebHDFSFileSystem("nn1", **options)


def test_options_that_contradict_each_other():
    for options in {"user": "me"}, {"proxy_to": "you"}:
        with pytest.raises(ValueError, match="token contains the user"):
            WebHDFSFileSystem("nn1", token="abc", **options)
    with pytest.raises(ValueError, match="password needs the option user"):
        WebHDFSFileSystem("nn1", password="abc")
    with pytest.raises(ValueError, match="replikation.*replication"):
        HadoopFileSystem("nn1", replikation=2)


def test_options_with_the_values_of_fsspec_are_accepted():
    fs = HadoopFileSystem("nn1", 9000, "me", None, 3, {"dfs.blocksize": 1048576})
    assert (fs.host, fs.port, fs.user, fs.replication, fs.extra_conf) == ("nn1", 9000, "me", 3, {"dfs.blocksize": "1048576"})
    fs = WebHDFSFileSystem("nn1", 50070, False, None, "me", "secret", "you", None, {}, True, None, False)
    assert fs._fs.endpoint == "https://nn1:50070/webhdfs/v1" and "secret" not in repr(fs)
    assert SecureWebHDFSFileSystem("nn1")._fs.endpoint == "https://nn1:9871/webhdfs/v1"
    assert WebHDFSFileSystem("nn1").fsid != WebHDFSFileSystem("nn2").fsid


def test_a_url_of_another_cluster_or_user_is_refused():
    fs = HadoopFileSystem("nn1", user="me")
    assert fs._strip_protocol("hdfs://me@nn1:8020/a/") == fs._strip_protocol("hdfs://NN1/a") == fs._strip_protocol("hdfs:///a") == "/a"
    for url in "hdfs://nn2/a", "hdfs://nn1:9000/a", "hdfs://you@nn1/a":
        with pytest.raises(ValueError, match="nn1|user"):
            fs.exists(url)
    with pytest.raises(ValueError, match="one slash"):
        fs.exists("hdfs:/nn1/a")


# ---- on a server ----


def test_details(cluster, top):
    cluster.pipe(f"{top}/a", b"123")
    info = cluster.info(f"{top}/a")
    assert (info["name"], info["size"], info["type"], info["mtime"].tzinfo) == (f"{top}/a", 3, "file", timezone.utc)
    assert (info["owner"], info["permission"], info["replication"]) == ("cove", "644", 1) and info["group"] and info["blockSize"] > 0 and info["accessTime"] > 0
    assert cluster.modified(f"{top}/a") == info["mtime"]
    (entry,) = cluster.ls(top, detail=True)
    assert entry == {name: info[name] for name in ("name", "size", "type", "mtime", "ETag")}
    directory = cluster.info(top)
    assert (directory["type"], directory["size"], directory["permission"], directory["owner"]) == ("directory", 0, "755", "cove")


def test_directories_exist_by_themselves(cluster, top):
    cluster.mkdir(f"{top}/a/b")
    assert cluster.isdir(f"{top}/a/b") and cluster.ls(f"{top}/a") == [f"{top}/a/b"]
    cluster.touch(f"{top}/a/b/f")
    cluster.rm(f"{top}/a/b/f")
    assert cluster.isdir(f"{top}/a/b") and cluster.find(top) == []
    assert cluster.find(top, withdirs=True) == [top, f"{top}/a", f"{top}/a/b"]
    with pytest.raises(FileNotFoundError, match="create_parents"):
        cluster.mkdir(f"{top}/c/d", create_parents=False)
    cluster.mkdir(f"{top}/c", create_parents=False)
    cluster.makedirs(f"{top}/c", exist_ok=True)
    with pytest.raises(OSError, match="recursive=True"):
        cluster.rmdir(f"{top}/a")
    cluster.mv(f"{top}/a", f"{top}/e", recursive=True)
    cluster.copy(f"{top}/e", f"{top}/f", recursive=True)
    assert cluster.find(top, withdirs=True) == [top, *(f"{top}/{name}" for name in ("c", "e", "e/b", "f", "f/b"))]
    cluster.rm(top, recursive=True)
    assert not cluster.exists(top)


def test_the_root_is_a_directory(cluster, top):
    first = "/" + top.split("/")[1]
    assert first in cluster.ls("/") and first in cluster.ls("")
    assert cluster.isdir("/") and cluster.exists("/") and cluster.info("/")["name"] == "/"
    assert first in cluster.glob("/*") and top in cluster.glob("/*/*/*")
    _, directories, _ = next(cluster.walk("/"))
    assert first[1:] in directories
    with pytest.raises(IsADirectoryError, match="the whole filesystem"):
        cluster.rm_file("/")


def test_patterns(cluster, top):
    cluster.pipe({f"{top}/{name}": b"1" for name in ("a1", "a2", "b/a3", "b[1]/x", "b1/x")})
    assert cluster.glob(f"{top}/a?") == [f"{top}/a1", f"{top}/a2"]
    assert cluster.glob(f"{top}/**/a*") == [f"{top}/a1", f"{top}/a2", f"{top}/b/a3"]
    assert cluster.find(top, maxdepth=1) == [f"{top}/a1", f"{top}/a2"]
    cluster.rm(f"{top}/b[1]", recursive=True)
    assert cluster.find(top) == [f"{top}/{name}" for name in ("a1", "a2", "b/a3", "b1/x")]


def test_urls_and_paths_are_the_same(cluster, top):
    url = cluster.unstrip_protocol(f"{top}/a")
    assert url.startswith(cluster._schemes()[0] + "://") and cluster.unstrip_protocol(url) == url
    with fsspec.open(url, "wb") as file:
        file.write(b"1")
    fs, path = url_to_fs(url)
    assert path == f"{top}/a" and fs.cat_file(path) == cluster.cat_file(url) == cluster.cat_file(f"{top}/a".lstrip("/")) == b"1"


def test_an_append_is_seen_at_once_by_this_process_and_listed_at_the_root(cluster, top):
    with cluster.open(f"{top}/log", "ab") as file:
        file.write(b"1")
        assert cluster.find("/")  # a listing of the root sends it
        assert cluster._fs.stat(f"{top}/log")[1] == 1
        file.write(b"23")
    assert cluster.size(f"{top}/log") == 3


def test_transactions(cluster, top):
    with cluster.transaction:
        with cluster.open(f"{top}/a", "wb") as file:
            file.write(b"1")
        cluster.pipe(f"{top}/b", b"2")
        assert cluster.find(top) == []
    assert cluster.cat(top, recursive=True) == {f"{top}/a": b"1", f"{top}/b": b"2"}
    with pytest.raises(ZeroDivisionError):
        with cluster.transaction:
            cluster.pipe(f"{top}/a", b"3")
            1 / 0
    assert cluster.cat(f"{top}/a") == b"1" and cluster.find(top) == [f"{top}/a", f"{top}/b"]


def test_replication_of_a_url(hdfs, root):
    with fsspec.open(f"hdfs://lightning/{root}/f?replication=2", "wb") as file:
        file.write(b"1")
    assert hdfs.info(f"/{root}/f")["replication"] == 2


def test_a_mapping(cluster, top):
    mapping = cluster.get_mapper(top)
    mapping["a/b"] = b"1"
    assert dict(mapping) == {"a/b": b"1"}

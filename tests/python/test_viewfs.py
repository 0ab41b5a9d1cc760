"""viewfs:// on a Hadoop: two mounts in one NameNode, one in memory, and a fallback; the same calls as on each target."""

import fsspec
import pytest
from cove import ViewFileSystem


@pytest.fixture
def places(hadoop, hdfs, root):
    """The folders of two mounts."""
    for name in ("one", "two", "rest/deep"):
        hdfs.makedirs(f"/{root}/{name}")
    return f"hdfs://lightning/{root}"


@pytest.fixture
def mounts(places):
    return {f"fs.viewfs.mounttable.cluster.link./{path}": f"{places}/{name}" for path, name in (("user", "one"), ("data/deep/two", "two"))}


@pytest.fixture
def view(mounts):
    ViewFileSystem.clear_instance_cache()
    yield ViewFileSystem("cluster", extra_conf=mounts)
    ViewFileSystem.clear_instance_cache()


def test_files_are_those_of_the_targets(view, hdfs, root):
    view.pipe("viewfs://cluster/user/run/a0", b"1" * (9 << 20))
    view.pipe("/data/deep/two/b", b"2")
    assert hdfs.info(f"/{root}/one/run/a0")["size"] == 9 << 20 and hdfs.cat_file(f"/{root}/two/b") == b"2"
    assert view.cat_file("/user/run/a0", 5, 8) == b"111" and view.info("/user/run/a0")["owner"] == "cove"
    with view.open("/user/log", "ab") as file:
        file.write(b"x")
    assert view.size("/user/log") == 1
    with view.open("/user/large", "wb") as file:  # in parts
        for _ in range(20):
            file.write(b"3" * (1 << 20))
    assert hdfs.size(f"/{root}/one/large") == 20 << 20
    assert view.find("/user") == ["/user/large", "/user/log", "/user/run/a0"]
    view.mv("/user/run", "/user/moved", recursive=True)
    view.cp_file("/user/log", "/data/deep/two/copy")
    assert view.find("/") == ["/data/deep/two/b", "/data/deep/two/copy", "/user/large", "/user/log", "/user/moved/a0"]
    view.rm("/user/moved", recursive=True)
    assert not view.exists("/user/moved") and not hdfs.exists(f"/{root}/one/moved")


def test_directories_above_mounts_are_listed_and_stay(view):
    assert view.ls("/") == ["/data", "/user"] and view.ls("/data") == ["/data/deep"] and view.ls("/data/deep") == ["/data/deep/two"]
    assert all(view.isdir(path) for path in ("/", "/data", "/data/deep", "/data/deep/two", "/user"))
    view.makedirs("/data/deep", exist_ok=True)
    assert view.find("/", withdirs=True) == ["/", "/data", "/data/deep", "/data/deep/two", "/user"]
    for path in "/data/x", "/x", "/users/a":
        assert not view.exists(path)
        with pytest.raises(FileNotFoundError, match=f"no mount for {path}; the mount table cluster has /data/deep/two, /user"):
            view.pipe(path, b"1")
    for change in (lambda: view.pipe("/data", b"1"), lambda: view.rm("/data", recursive=True), lambda: view._fs.move("/data", "/user/d")):
        with pytest.raises(IsADirectoryError, match="is a directory of the mount table"):
            change()
    for change in (lambda: view.rm("/user", recursive=True), lambda: view.rmdir("/user"), lambda: view._fs.move("/user", "/data/deep/two/u")):
        with pytest.raises(PermissionError, match="/user is the mount of hdfs://lightning/.*/one, which stays"):
            change()


def test_a_move_across_mounts_names_both(view):
    view.pipe("/user/a", b"1")
    with pytest.raises(OSError, match=r"from the mount /user \(hdfs://lightning/.*/one\) to the mount /data/deep/two \(hdfs://lightning/.*/two\) is refused"):
        view.mv("/user/a", "/data/deep/two/a")
    assert view.exists("/user/a") and not view.exists("/data/deep/two/a")


def test_a_fallback_and_a_target_of_another_store(mounts, places, hdfs, root):
    more = {"fs.viewfs.mounttable.cluster.linkFallback": f"{places}/rest", "fs.viewfs.mounttable.cluster.link./memory": f"memory://viewfs/{root}"}
    hdfs.pipe({f"/{root}/rest/{name}": b"1" for name in ("f", "data/g", "user/hidden")})
    view = ViewFileSystem("cluster", extra_conf={**mounts, **more})
    assert view.ls("/") == ["/data", "/deep", "/f", "/memory", "/user"] and view.ls("/data") == ["/data/deep", "/data/g"]
    view.pipe({"/memory/a/b": b"2", "/new/c": b"3", "/user/d": b"4"})
    assert view.find("/") == ["/data/g", "/f", "/memory/a/b", "/new/c", "/user/d"]
    assert hdfs.cat_file(f"/{root}/rest/new/c") == b"3" and view.cat_file("/memory/a/b") == b"2"
    view.rm("/memory/a", recursive=True)
    assert view.ls("/memory") == []
    with pytest.raises(OSError, match="different stores; copy between their own URLs"):
        view.cp_file("/user/d", "/memory/d")


def test_the_default_filesystem_may_be_a_mount_table(mounts, tmp_path, monkeypatch):
    conf = {**mounts, "fs.defaultFS": "viewfs://Cluster/"}
    assert ViewFileSystem(extra_conf=conf).unstrip_protocol("/user") == "viewfs://cluster/user"
    with pytest.raises(ValueError, match="no key begins with fs.viewfs.mounttable.other.link"):
        ViewFileSystem("other", extra_conf=conf)
    with fsspec.open("viewfs:///user/of-default", "wb", extra_conf=conf) as file:
        file.write(b"1")
    assert ViewFileSystem("cluster", extra_conf=conf).cat_file("/user/of-default") == b"1"

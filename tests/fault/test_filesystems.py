"""Local file systems without some features (hard links, rename without replacing, mkdir's EEXIST), or with another writer."""

import os
import subprocess

import pytest

from probe_run import probe
from test_sockets import preload


@pytest.fixture
def lacking(build):
    def run(what, *arguments, meanwhile="false"):
        environ = {"LD_PRELOAD": preload(build, "filefail.so"), "FILEFAIL": what, "MEANWHILE": meanwhile}
        return probe(*arguments, program=["env", *[f"{name}={value}" for name, value in environ.items()]])

    return run


@pytest.mark.parametrize("what", ["link", "rename", "none"])
def test_create_only_works_with_links_or_without(lacking, tmp_path, what):
    url = (tmp_path / "x").as_uri()
    assert lacking(what, "write", url, 1000, "new").ok
    assert lacking(what, "write", url, 2000, "new").code == "COVE_EEXIST"
    assert os.path.getsize(tmp_path / "x") == 1000 and os.listdir(tmp_path) == ["x"]


def test_create_only_reports_an_unsupported_filesystem(lacking, tmp_path):
    outcome = lacking("link rename", "write", (tmp_path / "x").as_uri(), 1000, "new")
    assert outcome.code == "COVE_ENOTSUP" and "can neither rename without replacing nor link" in outcome.message
    assert os.listdir(tmp_path) == []


def test_existing_directories_are_not_created(lacking, tmp_path):
    (tmp_path / "a").mkdir()
    assert lacking("mkdir", "write", (tmp_path / "a" / "b" / "c" / "x").as_uri(), 10).ok
    assert lacking("mkdir", "mkdir", (tmp_path / "a" / "b").as_uri()).ok
    assert os.path.getsize(tmp_path / "a" / "b" / "c" / "x") == 10


def test_a_write_through_a_link_starts_beside_its_target(tmp_path):
    (tmp_path / "link").symlink_to("scratch/metrics.csv")
    outcome = probe("begin", (tmp_path / "link").as_uri(), "one", "two")
    assert outcome.ok and outcome.value == 0
    assert (tmp_path / "scratch" / "metrics.csv").read_bytes() == b"onetwo" and (tmp_path / "link").is_symlink()
    assert probe("begin", (tmp_path / "link").as_uri(), "three").code == "COVE_EPRECONDITION"


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", path], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount")
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.mark.parametrize(
    "when, change, left",
    [
        ("copying", "mv new x", b"new"),
        ("copying", "cat new >>x", b"oldnew"),
        ("published", "mv new x", b"new"),
        ("published", "cat new >>x", b"oldnew"),
    ],
)
def test_a_move_to_another_disk_keeps_a_source_that_changed(lacking, tmp_path, disk, when, change, left):
    (disk / "x").write_bytes(b"old")
    (disk / "new").write_bytes(b"new")
    outcome = lacking(when, "move", (disk / "x").as_uri(), (tmp_path / "x").as_uri(), meanwhile=f"cd '{disk}' && {change}")
    assert outcome.code == "COVE_EPRECONDITION" and " and is kept" in outcome.message
    assert (disk / "x").read_bytes() == left
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == ({} if when == "copying" else {"x": b"old"})

"""Local file systems without some features: hard links, rename without replacing, mkdir's EEXIST."""

import os

import pytest

from probe_run import probe
from test_sockets import preload


@pytest.fixture
def lacking(build):
    def run(what, *arguments):
        environ = {"LD_PRELOAD": preload(build, "filefail.so"), "FILEFAIL": what}
        return probe(*arguments, program=["env", *[f"{name}={value}" for name, value in environ.items()]])

    return run


@pytest.mark.parametrize("what", ["link", "rename", "none"])
def test_create_only_works_with_links_or_without(lacking, tmp_path, what):
    url = (tmp_path / "x").as_uri()
    assert lacking(what, "write", url, 1000, "new").ok
    assert lacking(what, "write", url, 2000, "new").code == "COVE_EEXIST"
    assert os.path.getsize(tmp_path / "x") == 1000 and os.listdir(tmp_path) == ["x"]


def test_create_only_says_what_the_file_system_lacks(lacking, tmp_path):
    outcome = lacking("link rename", "write", (tmp_path / "x").as_uri(), 1000, "new")
    assert outcome.code == "COVE_ENOTSUP" and "can neither rename without replacing nor link" in outcome.message
    assert os.listdir(tmp_path) == []


def test_folders_that_are_there_are_not_made(lacking, tmp_path):
    (tmp_path / "a").mkdir()
    assert lacking("mkdir", "write", (tmp_path / "a" / "b" / "c" / "x").as_uri(), 10).ok
    assert lacking("mkdir", "mkdir", (tmp_path / "a" / "b").as_uri()).ok
    assert os.path.getsize(tmp_path / "a" / "b" / "c" / "x") == 10

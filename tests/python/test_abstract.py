"""fsspec's own suite for filesystems, whole, on MinIO."""

import fsspec.tests.abstract as abstract
import pytest


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs_join(self):
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def fs_path(self, root):
        return root

    @pytest.fixture
    def fs(self, fs):
        return fs


# An older fsspec has fewer suites.
for name in ("Copy", "Get", "Put", "Pipe", "Open"):
    if suite := getattr(abstract, f"Abstract{name}Tests", None):
        globals()[f"Test{name}"] = type(f"Test{name}", (suite, Fixtures), {})


def test_the_suites_of_all_versions_are_run():
    assert {"TestCopy", "TestGet", "TestPut"} <= globals().keys()

"""fsspec's test suite for filesystems, completely, on a Hadoop."""

import fsspec.tests.abstract as abstract
import pytest


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs_join(self):
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def fs_path(self, root):
        return f"/{root}"

    @pytest.fixture
    def fs(self, cluster):
        return cluster

    @pytest.fixture
    def supports_empty_directories(self):
        return True


# An older fsspec has fewer suites.
for name in ("Copy", "Get", "Put", "Pipe", "Open"):
    if suite := getattr(abstract, f"Abstract{name}Tests", None):
        globals()[f"Test{name}"] = type(f"Test{name}", (suite, Fixtures), {})
del suite


def test_the_suites_of_all_versions_are_run():
    assert {"TestCopy", "TestGet", "TestPut"} <= globals().keys()

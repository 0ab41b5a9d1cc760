"""A file whose mode does not let a user read it, on both interfaces of a real cluster."""

import subprocess

import pytest
from hadoop import COVE, rest

from servers.hdfs import HDFS


@pytest.fixture(scope="module")
def hdfs():
    with HDFS() as server:
        yield server


@pytest.mark.parametrize("interface", ["rpc_url", "url"])
def test_a_file_that_another_user_may_not_read(hdfs, tmp_path, interface):
    url = f"{getattr(hdfs, interface)}/secret-{interface}"
    (tmp_path / "f").write_bytes(b"secret")

    def cove(*args):
        return subprocess.run([COVE, *args], capture_output=True, env={**hdfs.environ, "HOME": str(tmp_path)}, timeout=120)

    assert cove("cp", tmp_path / "f", url).returncode == 0
    rest(hdfs, "SETPERMISSION", f"/secret-{interface}", method="PUT", permission="600")
    refused = cove("cat", "-o", "user=other", url)
    assert refused.returncode == 4 and refused.stdout == b"" and b"Permission denied: user=other, access=READ" in refused.stderr
    assert cove("cat", url).stdout == b"secret"

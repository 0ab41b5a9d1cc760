"""A cluster with Kerberos: each quality of protection, of calls and of data; tickets, keytabs, delegation tokens, and what is reported where they fail."""

import os
import subprocess

import env
import pytest
from servers.hdfs_secure import REALM, USER, SecureHDFS

CLI = env.build_dir() / "cli" / "cove"
SIZE = (3 << 20) + 77
QUALITIES = [
    ("authentication", "authentication", False, False),
    ("integrity", "integrity", False, False),
    ("privacy", "privacy", False, False),
    ("authentication", "privacy", True, False),
    ("privacy", "privacy", True, True),
]


def cove(server, *args, code=0, environ=None, data=b""):
    done = subprocess.run([CLI, *map(str, args)], env={**os.environ, **server.environ, **(environ or {})}, input=data, capture_output=True, timeout=120)
    assert done.returncode == code, done.stderr.decode()
    return done


@pytest.fixture(scope="module", params=QUALITIES, ids=lambda p: f"{p[0]}-{p[1]}{'-encrypted' if p[2] else ''}{'-aes' if p[3] else ''}")
def server(request):
    with SecureHDFS(*request.param) as secure:
        yield secure


def test_reads_what_it_has_written(server, tmp_path):
    content = os.urandom(SIZE)
    (tmp_path / "f").write_bytes(content)
    cove(server, "cp", tmp_path / "f", f"{server.rpc_url}/a/f")
    assert cove(server, "cat", f"{server.rpc_url}/a/f").stdout == content
    assert cove(server, "ls", f"{server.rpc_url}/a").stdout.split() == [b"f"]
    owner = server.java("org.apache.hadoop.fs.FsShell", "-stat", "%u", "/a/f").stdout.split()[-1]
    assert owner == USER


def test_reads_and_writes_what_others_do(server, tmp_path):
    content = os.urandom(SIZE)
    (tmp_path / "f").write_bytes(content)
    server.java("org.apache.hadoop.fs.FsShell", "-mkdir", "-p", "/j")
    server.java("org.apache.hadoop.fs.FsShell", "-put", tmp_path / "f", "/j/f")
    assert cove(server, "cat", f"{server.rpc_url}/j/f").stdout == content
    cove(server, "cp", tmp_path / "f", f"{server.rpc_url}/j/g")
    server.java("org.apache.hadoop.fs.FsShell", "-get", "/j/g", tmp_path / "g")
    assert (tmp_path / "g").read_bytes() == content


def test_logs_in_by_a_token(server, tmp_path):
    """Without any ticket."""
    file = tmp_path / "tokens"
    server.java("org.apache.hadoop.hdfs.tools.DelegationTokenFetcher", "--renewer", USER, file)
    without = {"KRB5CCNAME": f"FILE:{tmp_path}/none", "HADOOP_TOKEN_FILE_LOCATION": str(file)}
    content = os.urandom(SIZE)
    (tmp_path / "f").write_bytes(content)
    cove(server, "cp", tmp_path / "f", f"{server.rpc_url}/t/f", environ=without)
    assert cove(server, "cat", f"{server.rpc_url}/t/f", environ=without).stdout == content


# ---- what does not depend on the quality ----


@pytest.fixture(scope="module")
def plain():
    with SecureHDFS() as secure:
        yield secure


def fails(plain, *args, environ=None):
    return cove(plain, "ls", *args, f"{plain.rpc_url}/", code=4, environ=environ).stderr.decode()


def test_keytab(plain, tmp_path):
    keytab = plain.kdc.keytab(USER)
    without = {"KRB5CCNAME": f"FILE:{tmp_path}/none"}
    cove(plain, "ls", "-o", f"keytab={keytab}", "-o", f"principal={USER}@{REALM}", f"{plain.rpc_url}/", environ=without)
    cove(plain, "ls", "-o", f"keytab={keytab}", f"{plain.rpc_url}/", environ=without)
    assert not (tmp_path / "none").exists()  # its tickets stay in the process


def test_ticket_cache(plain, tmp_path):
    without = {"KRB5CCNAME": f"FILE:{tmp_path}/none"}
    cove(plain, "ls", "-o", f"kerb_ticket={plain.kdc.folder}/ticket", f"{plain.rpc_url}/", environ=without)


def test_no_ticket(plain, tmp_path):
    text = fails(plain, environ={"KRB5CCNAME": f"FILE:{tmp_path}/none"})
    assert f"the ticket cache FILE:{tmp_path}/none (KRB5CCNAME)" in text and "kinit" in text


def test_another_server_is_refused(plain):
    conf = '{"dfs.namenode.kerberos.principal": "nn/other.example@COVE.TEST"}'
    text = fails(plain, "-o", f"extra_conf={conf}")
    assert "dfs.namenode.kerberos.principal has (nn/other.example@COVE.TEST)" in text


def test_wrong_realm(plain):
    conf = '{"dfs.namenode.kerberos.principal": "nn/_HOST@OTHER.TEST"}'
    assert "OTHER.TEST" in fails(plain, "-o", f"extra_conf={conf}")


def test_demanded_protection(plain):
    conf = '{"hadoop.rpc.protection": "privacy"}'
    assert "hadoop.rpc.protection" in fails(plain, "-o", f"extra_conf={conf}")


def test_without_kerberos(plain):
    conf = '{"hadoop.security.authentication": "simple"}'
    assert "set hadoop.security.authentication to kerberos" in fails(plain, "-o", f"extra_conf={conf}")

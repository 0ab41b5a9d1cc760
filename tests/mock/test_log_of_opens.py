"""`cove -v` shows once which store it is, and where the credentials come from: never what they are."""

import json
import os
import subprocess

import azure
import env as environment
import gcs
from server import MockServer
from servers.azure_login import token
from servers.google_key import key_file

KEYS = {"AWS_ACCESS_KEY_ID": "THEACCESSKEY", "AWS_SECRET_ACCESS_KEY": "the-secret-key"}
TOKEN = token()


def logged(*args, home, **environ):
    """What the command logs by -v, but for lines of single requests."""
    plain = {name: value for name, value in environment.clean(os.environ, home=home).items() if not name.startswith(("GOOGLE_", "FSSPEC_"))}
    run = subprocess.run([environment.build_dir() / "cli" / "cove", *args, "-v"], env={**plain, **environ}, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    for secret in ("the-secret-key", "the-access-token", "PRIVATE KEY", azure.KEY, TOKEN):
        assert secret not in run.stderr
    return run.stderr.splitlines()


def test_s3(tmp_path):
    with MockServer({"b/k": b"x", "b/l": b"y"}) as server:
        lines = logged("cat", "s3://b/*", home=tmp_path, AWS_ENDPOINT_URL=server.endpoint, AWS_REGION="eu-west-3", **KEYS)
        assert lines == [f"cove: info: s3: s3:// at {server.endpoint}; region eu-west-3; credentials: AWS_ACCESS_KEY_ID"], lines
        lines = logged("cat", "s3://b/k", "-o", "anon=true", home=tmp_path, AWS_ENDPOINT_URL=server.endpoint, AWS_REGION="eu-west-3", **KEYS)
        assert lines == [f"cove: info: s3: s3:// at {server.endpoint}; region eu-west-3; no credentials"], lines
        program = tmp_path / "keys"
        program.write_text("#!/bin/sh\n" + f"echo '{json.dumps({'Version': 1, 'AccessKeyId': 'A', 'SecretAccessKey': 'the-secret-key'})}'\n")
        program.chmod(0o755)
        (tmp_path / "config").write_text(f"[default]\nregion = eu-west-3\ncredential_process = {program}\n")
        lines = logged("cat", "s3://b/*", home=tmp_path, AWS_ENDPOINT_URL=server.endpoint, AWS_CONFIG_FILE=str(tmp_path / "config"))
        assert lines[0] == f"cove: info: s3: s3:// at {server.endpoint}; region eu-west-3" and len(lines) == 2, lines
        assert lines[1].startswith("cove: info: aws: credentials: ") and "credential_process" in lines[1], lines


def test_gs(tmp_path):
    with MockServer({"b/k": b"x", "b/l": b"y"}, kind=gcs.Store) as server:
        environ = {"STORAGE_EMULATOR_HOST": server.endpoint, "GOOGLE_CLOUD_PROJECT": "project-1"}
        lines = logged("cat", "gs://b/*", home=tmp_path, **environ)
        assert lines == [f"cove: info: gcs: gs:// at {server.endpoint}; project project-1; no credentials"], lines
        lines = logged("cat", "gs://b/*", home=tmp_path, FSSPEC_GCS_TOKEN="the-access-token", **environ)
        assert lines == [f"cove: info: gcs: gs:// at {server.endpoint}; project project-1", "cove: info: oauth: credentials: the option token"], lines
        key, environ = key_file(tmp_path), {"STORAGE_EMULATOR_HOST": server.endpoint}
        lines = logged("cat", "gs://b/k", "-o", "requester_pays=payer", home=tmp_path, FSSPEC_GCS_TOKEN=str(key), **environ)
        project = json.loads(key.read_text()).get("project_id")
        end = f"; project {project}" if project else ""
        assert lines[0] == f"cove: info: gcs: gs:// at {server.endpoint}; project payer pays" and len(lines) == 2, lines
        assert lines[1].startswith("cove: info: oauth: credentials: ") and lines[1].endswith(f" (the option token){end}"), lines


def test_az(tmp_path):
    with MockServer({"b/k": b"x", "b/l": b"y"}, kind=azure.Store, ways={"public": True, "tokens": [TOKEN]}) as server:
        account = {"AZURE_STORAGE_ACCOUNT_NAME": azure.ACCOUNT, "AZURE_STORAGE_ENDPOINT": f"{server.endpoint}/{azure.ACCOUNT}"}
        begin = f"cove: info: azure: az:// at {server.endpoint}/{azure.ACCOUNT}"
        lines = logged("cat", "az://b/*", home=tmp_path, AZURE_STORAGE_ACCOUNT_KEY=azure.KEY, **account)
        assert lines == [f"{begin}; credentials: key of the account {azure.ACCOUNT}"], lines
        lines = logged("cat", "az://b/k", "-o", "anon=true", home=tmp_path, AZURE_STORAGE_ACCOUNT_KEY=azure.KEY, **account)
        assert lines == [f"{begin}; no credentials"], lines
        lines = logged("cat", "az://b/k", "-o", f"credential={TOKEN}", home=tmp_path, **account)
        assert lines[0] == begin and len(lines) == 2 and lines[1].startswith("cove: info: oauth: credentials: "), lines

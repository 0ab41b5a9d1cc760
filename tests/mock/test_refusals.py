"""Google Cloud Storage refuses: the message has the operation, the URL, the cause, and what to do. The same of the command."""

import json
import os
import re
import subprocess

import pytest

import env as environment
import gcs
from probe_run import probe
from server import MockServer
from test_mock import TOKEN

HOLD = "a hold keeps the object as it is \\([oO]bjectUnderActiveHold: .* Temporary hold .*\\); to release it: gcloud storage objects update --no-temporary-hold URL"
RETENTION = "the bucket's retention policy keeps the object as it is \\([rR]etentionPolicyNotMet: .* until 2026-11-23T22:1[23]:00.000Z\\)"
UPLOADS = ("parts", "session", "compose")
REPLACES = [*(("new", "gs://b/k", "17000000", "text/x", "a=b", up) for up in UPLOADS), *((verb, "gs://b/k", "5", "auto") for verb in ("put", "append")),
            ("append", "gs://b/log", "x", "auto"), ("copy", "gs://b/log", "gs://b/k", "auto")]  # fmt: skip
REMOVES = [("rm", "gs://b/k", "auto"), ("rmfiles", "gs://b/k", "auto"), ("move", "gs://b/k", "gs://b/x", "auto")]


def serve(buckets=("b",), **how):
    return MockServer({"b/k": b"old", "b/log": b"1" * 300_000}, kind=gcs.Store, buckets=buckets, **how)


def refused(server, *verb, code="COVE_EACCESS", environ=None, **options):
    """The message, once the operation and the URL are seen in it."""
    given = {"endpoint_url": server.endpoint, "token": TOKEN, "project": "project-1", "conditions": "true", **options}
    outcome = probe(*verb, options={name: value for name, value in given.items() if value is not None}, environ=environ)
    names = {"put": "write", "new": "write", "rm": "remove", "rmfiles": "remove", "get": "read", "exists": "stat"}
    assert outcome.code == code and TOKEN not in outcome.text, outcome
    assert outcome.message.startswith(f"{names.get(verb[0], verb[0])} {verb[1].rstrip('/')}"), outcome
    return outcome.message


def expect(message, pattern):
    assert re.search(pattern, message), message


@pytest.mark.parametrize("verb", REPLACES + REMOVES, ids=" ".join)
@pytest.mark.parametrize("why", ["retention", "hold"])
def test_what_keeps_an_object(verb, why):
    """Only a write can go elsewhere; the credentials are not the cause."""
    *verb, uploads = verb
    with serve({"b": {"retentionPolicy": {"retentionPeriod": "3600"}} if why == "retention" else {}}) as server:
        if why == "hold":
            for name in ("b/k", "b/log"):
                server.store.live(name).holds["temporaryHold"] = True
        message = refused(server, *verb, uploads=uploads)
        expect(message, RETENTION if why == "retention" else HOLD)
        assert ("another name" in message) == ((*verb, uploads) in REPLACES) and "credentials" not in message, message


@pytest.mark.parametrize("verb", REPLACES, ids=" ".join)
def test_who_may_not_delete_may_not_replace(verb):
    *verb, uploads = verb
    with serve(ways={"lacks_permissions": ["storage.objects.delete"]}) as server:
        message = refused(server, *verb, uploads=uploads)
        expect(message, "access denied \\((forbidden|AccessDenied): .* storage.objects.delete .*; to replace an object also takes the permission to delete it")
        assert server.store.live("b/k").data == b"old"


@pytest.mark.parametrize("verb", ["get", "stat", "exists", "read"])
def test_who_may_not_list_cannot_know_what_is_missing(verb):
    with serve(ways={"lacks_permissions": ["storage.objects.list"]}) as server:
        message = refused(server, verb, "gs://b/none")
        expect(message, "access denied, or there is no such object; the store shows which only with the permission storage.objects.list")
        assert message.endswith("with the credentials of the option token"), message


@pytest.mark.parametrize("verb, what", [
    (["mkdir", "gs://Bad-name"], "Invalid bucket name: 'Bad-name'\\); a bucket's name has no capital letters"),
    (["mkdir", "gs://ab"], "a bucket's name has 3 to 63 characters, or with dots up to 222"),
    (["mkdir", "gs://-ab"], "a bucket's name begins and ends with a letter or digit"),
    (["mkdir", "gs://googly"], "a bucket's name does not begin with \"goog\", and has no \"google\" in it"),
])  # fmt: skip
def test_names_of_new_buckets(verb, what):
    with serve() as server:
        expect(refused(server, *verb, code="COVE_EINVAL"), what)


@pytest.mark.parametrize("url, what", [
    ("gs://b/" + "x" * 1025, "the object's name is longer than 1024 bytes"),
    ("gs://b/a\r\nb", "the object's name has a line break, which Google Cloud Storage refuses"),
    ("gs://b/..", "an object cannot be named '..'"),
    ("gs://a\r\nb/k", "is not a bucket's name \\(letters, digits, '.', '-' and '_'\\)"),
    ("gs://" + "b" * 223 + "/k", "the bucket's name is longer than 222 bytes"),
])  # fmt: skip
@pytest.mark.parametrize("verb", [["put", "5"], ["get"]], ids=["put", "get"])
def test_names_that_cannot_be(url, what, verb):
    """Refused without a request."""
    with serve() as server:
        outcome = probe(verb[0], url, *verb[1:], options={"endpoint_url": server.endpoint})
        assert outcome.code == "COVE_EINVAL" and outcome.message.startswith("open gs://") and "\n" not in outcome.message, outcome
        expect(outcome.message, what)
        assert server.requests == []


@pytest.mark.parametrize("verb, what", [
    (["get", "gs://Bad-Name/k"], "no such bucket: Bad-Name; a bucket's name has no capital letters"),
    (["put", "gs://none/k", "5"], "no such bucket: none; to make it: cove mkdir gs://none"),
    (["copy", "gs://b/k", "gs://none/k"], "no such bucket: none; to make it: cove mkdir gs://none"),
    (["copy", "gs://none/k", "gs://bkt/x"], "no such bucket: none or bkt; check their names"),
    (["move", "gs://none/k", "gs://bkt/x"], "no such bucket: none; check its name"),
    (["stat", "gs://none/k"], "no such bucket: none; check its name \\(cove ls gs:// lists the buckets\\)"),
])  # fmt: skip
def test_a_missing_bucket(verb, what):
    with serve(("b", "bkt")) as server:
        expect(refused(server, *verb, code="COVE_ENOTFOUND"), what)


@pytest.mark.parametrize("options, ways, code, what", [
    ({"project": "no-such-project"}, {}, "COVE_EINVAL", "Unknown project id: no-such-project\\); the project is no-such-project \\(option project, GOOGLE_CLOUD_PROJECT\\)"),
    ({}, {"lacks_permissions": ["storage.buckets.create"]}, "COVE_EACCESS", "access denied \\(.*storage.buckets.create.*; the project is project-1 "),
    ({"project": None}, {}, "COVE_EINVAL", "Required parameter: project\\); .* set the option project, or GOOGLE_CLOUD_PROJECT"),
], ids=["unknown", "another's", "none"])  # fmt: skip
def test_the_project_of_a_new_bucket(options, ways, code, what, monkeypatch):
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GCSFS_DEFAULT_PROJECT", "FSSPEC_GCS_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    with serve(ways=ways) as server:
        expect(refused(server, "mkdir", "gs://new-bucket", code=code, **options), what)


def test_a_project_that_is_not_found():
    """Is no missing bucket."""
    fault = {"on": "buckets.insert", "status": 404, "error": ["notFound", "The requested project was not found."]}
    with serve(faults=[fault]) as server:
        expect(refused(server, "mkdir", "gs://new-bucket", code="COVE_EINVAL"), "the project is project-1")


def test_a_name_that_another_has():
    fault = {"on": "buckets.insert", "status": 409, "error": ["conflict", "The requested bucket name is not available."]}
    with serve(faults=[fault]) as server:
        expect(refused(server, "mkdir", "gs://new-bucket", code="COVE_EEXIST"), "a bucket of this name exists \\(.*; take another name")


@pytest.mark.parametrize("verb", ["get", "stat", "rm"])
@pytest.mark.parametrize("token, what", [
    ("anon", "the request has no credentials: leave out token=anon"),
    (None, "an emulator's endpoint gets only those of the option token"),
    ("ANON", "the request has no credentials: leave out token=anon"),
    ("my-key", "with the credentials of the option token, which was taken for an access token: it names no file here"),
    ("ya29.ended", "with the credentials of the option token, an access token, which expires after an hour: \"gcloud auth print-access-token\" prints another"),
])  # fmt: skip
def test_credentials_that_are_refused(verb, token, what):
    with serve(ways={"tokens": ["another"]}) as server:
        expect(refused(server, verb, "gs://b/k", code="COVE_EAUTH", token=token), what)


@pytest.mark.parametrize("verb", ["get", "stat"])
@pytest.mark.parametrize("reason, text, what", [
    ("accessNotConfigured", "API has not been used in project 123", "has not enabled Cloud Storage's API: run \"gcloud services enable storage.googleapis.com\""),
    ("vpcServiceControls", "Request is prohibited by organization's policy", "the organization's VPC Service Controls refuse the request"),
    ("insufficientPermissions", "Insufficient Permission", "the access token has fewer scopes than the request needs .*: who made the token chose its scopes"),
    ("forbidden", "Permission 'storage.objects.get' denied on resource", "access denied \\("),
    ("forbidden", "Access denied.", "access denied, or there is no such object"),
])  # fmt: skip
def test_why_a_read_is_refused(verb, reason, text, what):
    """A missing object is mentioned only where the refusal may hide one."""
    with serve(faults=[{"on": on, "status": 403, "error": [reason, text]} for on in ("objects.get", "objects.media")]) as server:
        message = refused(server, verb, "gs://b/k")
        expect(message, what)
        assert ("no such object" in message) == ("no such object" in what), message


def test_a_version_that_is_not_asked_for():
    """As gcloud prints it."""
    with serve() as server:
        expect(refused(server, "get", "gs://b/k#1796065890008633", code="COVE_ENOTFOUND"), "with the option version_aware=true, #1796065890008633 at its end")
        message = refused(server, "get", "gs://b/k#1796065890008633", code="COVE_ENOTFOUND", version_aware="true")
        expect(message, "no such version of the object")
        assert "version_aware" not in message and "version_aware" not in refused(server, "get", "gs://b/k#1", code="COVE_ENOTFOUND")


# ---- the command


def cove(server, home, *args, token=TOKEN, rc=1):
    environ = {**os.environ, "STORAGE_EMULATOR_HOST": server.endpoint, "FSSPEC_GCS_TOKEN": token, "GOOGLE_CLOUD_PROJECT": "project-1", "HOME": str(home)}
    run = subprocess.run([environment.build_dir() / "cli" / "cove", *args], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert run.returncode == rc, (run.returncode, run.stderr)
    assert TOKEN not in run.stderr
    return run.stderr


def test_the_command(tmp_path):
    (tmp_path / "new").write_text("new")
    with serve(ways={"lacks_permissions": ["storage.objects.list", "storage.objects.delete"]}) as server:
        expect(cove(server, tmp_path, "cat", "gs://b/none", rc=4), "^cove: read gs://b/none: access denied, or there is no such object")
        expect(cove(server, tmp_path, "cp", tmp_path / "new", "gs://b/k", rc=4), "^cove: .*gs://b/k: access denied .*the permission to delete it")
        expect(cove(server, tmp_path, "mkdir", "gs://new-bucket", "-o", "project=no-such-project", rc=2), "the project is no-such-project")
    with serve({"b": {"billing": {"requesterPays": True}}}) as server:
        expect(cove(server, tmp_path, "cat", "gs://b/k", rc=2), "^cove: read gs://b/k: .*set the option requester_pays to a project")


def test_a_login_that_has_ended(tmp_path):
    """The command that mends it stands in the message."""
    with serve(ways={"tokens": ["another"]}) as server:
        login = {"type": "authorized_user", "client_id": "c", "client_secret": "the-client-secret", "refresh_token": "the-refresh-token"}
        (tmp_path / "login.json").touch(mode=0o600)
        (tmp_path / "login.json").write_text(json.dumps({**login, "token_uri": f"{server.endpoint}/token"}))
        server.begin_faults(
            [{"on": ".*", "times": -1, "status": 400, "body": '{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}'}]
        )
        message = cove(server, tmp_path, "cat", "gs://b/k", token=str(tmp_path / "login.json"), rc=4)
        expect(message, '^cove: read gs://b/k: .*invalid_grant: Token has been expired or revoked; run "gcloud auth application-default login"')
        assert "the-client-secret" not in message and "the-refresh-token" not in message

"""Compares cove and botocore in reading ~/.aws/config and ~/.aws/credentials, over the files of generated_aws.py. If botocore refuses a file, cove does as
well, and names the file and the line. docs/s3-credentials.md lists the intended differences."""

import collections
import os
import subprocess

import botocore.configprovider
import botocore.exceptions
import botocore.session
import pytest

import generated_aws

CASES = int(os.environ.get("COVE_TEST_AWS_FILES", 400))
SETTINGS = (
    "region ca_bundle credential_process role_arn source_profile credential_source external_id role_session_name duration_seconds mfa_serial "
    "web_identity_token_file sso_account_id sso_role_name use_fips_endpoint"
).split()


@pytest.fixture
def clean(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def is_nested(value):
    return isinstance(value, dict)


def endpoints(session, scoped, found):
    for service, with_general in (("s3", True), ("sts", True), ("sso", False), ("sso-oidc", False)):
        provider = botocore.configprovider.ConfiguredEndpointProvider(session.full_config, scoped, service, environ={})
        try:
            found["endpoint." + service.replace("-", "_")] = provider.provide() if with_general else provider._get_endpoint_url_config_service()
        except botocore.exceptions.InvalidConfigError:
            found["services"] = "missing"


def sso(session, scoped, found):
    named = scoped.get("sso_session")
    of_session = session.full_config.get("sso_sessions", {}).get(named) if named is not None else {}
    if of_session is None or any(name in of_session and scoped.get(name, of_session[name]) != of_session[name] for name in ("sso_start_url", "sso_region")):
        found["sso"] = "refused"
        return
    for name in ("sso_start_url", "sso_region"):
        found[name] = of_session.get(name, scoped.get(name))


def keys(session, scoped):
    """The keys that botocore finds in the files; "refused": a key without its secret; "ask": another source, or none."""
    try:
        c = session.get_credentials()
    except botocore.exceptions.PartialCredentialsError as e:
        half = e.kwargs["provider"] in ("shared-credentials-file", "config-file") and scoped["aws_access_key_id"]  # an empty key counts as none
        return "refused" if half else "ask"
    except Exception:
        return "ask"
    return (c.access_key, c.secret_key, c.token or "") if c is not None and c.method in ("shared-credentials-file", "config-file") else "ask"


def by_botocore(folder, profile, clean):
    clean.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    clean.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    session = botocore.session.Session(profile=profile, include_builtin_handlers=False)
    try:
        scoped = session.get_scoped_config()
    except botocore.exceptions.ConfigParseError:
        return "unparsable"
    except botocore.exceptions.ProfileNotFound:
        return "not found"
    found = {name: scoped.get(name) for name in SETTINGS}
    texts = [
        scoped.get(name)
        for name in (*SETTINGS, "endpoint_url", "services", "sso_session", "sso_start_url", "sso_region", "use_dualstack_endpoint", "s3_use_arn_region")
    ]
    if any(map(is_nested, texts)):
        return "nested"
    s3 = scoped.get("s3") if is_nested(scoped.get("s3")) else {}
    for name in ("addressing_style", "use_accelerate_endpoint"):
        found["s3." + name] = s3.get(name)
    found["s3.use_arn_region"] = scoped.get("s3_use_arn_region", s3.get("use_arn_region"))
    found["use_dualstack_endpoint"] = s3.get("use_dualstack_endpoint") or scoped.get("use_dualstack_endpoint")
    endpoints(session, scoped, found)
    if found.get("services"):
        found = {name: value for name, value in found.items() if not name.startswith("endpoint.")}
    sso(session, scoped, found)
    found["keys"] = keys(session, scoped)
    return {name: value for name, value in found.items() if value}


def by_cove(build, cases):
    """Yields what aws_tool prints for each (folder, profile)."""
    arguments = [str(part) for folder, profile in cases for part in (folder, profile)]
    lines = subprocess.run([build / "tests/interop/aws_tool", *arguments], check=True, capture_output=True, timeout=120).stdout.decode().splitlines()
    found = {}
    for line in lines:
        name, _, rest = line.partition(" ")
        if name == "end":
            yield found
            found = {}
        elif name == "error":
            found = rest
        elif name == "keys":
            found["keys"] = tuple(bytes.fromhex(part).decode() for part in rest.split(" "))
        elif name in ("ask", "refused"):
            found["keys"] = name
        else:
            found[name] = bytes.fromhex(rest).decode()


def as_cove_takes(keys):
    """An empty key counts as none; one that can't be in a header is refused when it is read."""
    if isinstance(keys, str):
        return keys
    if not keys[0]:
        return "ask"
    return "refused" if not keys[1] or any(c < " " and c != "\t" for key in keys for c in key) else keys


def agree(expected, got, folder):
    """The kind of the case, for the count; an AssertionError where the two differ."""
    if isinstance(expected, dict):
        expected = {**expected, "keys": as_cove_takes(expected["keys"])}
        assert got == expected
        return "read"
    assert isinstance(got, str), (expected, got)
    if expected == "not found":
        assert "is neither in" in got
    else:
        assert f"{folder}/con" in got or f"{folder}/cred" in got
        assert ": line " in got
    return expected


def write(folder, config, credentials):
    folder.mkdir()
    for name, data in (("config", config), ("credentials", credentials)):
        if data is not None:
            (folder / name).write_bytes(data)


def test_generated_files(build, clean, tmp_path):
    cases, count = [], collections.Counter()
    for seed in range(CASES):
        config, credentials, profile = generated_aws.files(seed)
        write(tmp_path / str(seed), config, credentials)
        cases.append((tmp_path / str(seed), profile))
    for (folder, profile), got in zip(cases, by_cove(build, cases), strict=True):
        try:
            count[agree(by_botocore(folder, profile, clean), got, folder)] += 1
        except AssertionError as e:
            texts = {name: (folder / name).read_bytes() for name in ("config", "credentials") if (folder / name).exists()}
            raise AssertionError(f"profile {profile!r} of {texts}") from e
    assert count["read"] > CASES / 4  # most generated files must not be invalid
    assert count["unparsable"] > 20 and count["not found"] > 20

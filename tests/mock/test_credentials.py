"""Sources of S3 credentials: each one against an endpoint that checks the request, and an S3 that checks the signature."""

import hashlib
import json
import os
import re

import pytest

from aws import Keys, World, when
from probe_run import probe
from server import MockServer
from store import pattern

ARN = "arn:aws:iam::123456789012:role/"


@pytest.fixture
def world():
    with MockServer({"b/k": b"hello"}) as server:
        world = World(server)
        world.endpoint = server.endpoint
        yield world
        assert server.troubles == []


@pytest.fixture
def ask(world, tmp_path):
    """ask(config, environment, verb…): one call with its own home directory; the output must contain no secret."""

    def run(config="", environ=None, call=("get", "s3://b/k"), timeout_ms=20000, **more):
        folder = tmp_path / ".aws"
        folder.mkdir(exist_ok=True)
        (folder / "config").write_text(config)
        outcome = probe(
            *call,
            options={"endpoint_url": world.endpoint, "region": "eu-west-1", **more},
            environ={
                "HOME": str(tmp_path),
                "AWS_ENDPOINT_URL_STS": world.endpoint + "/sts",
                "AWS_ENDPOINT_URL_SSO": world.endpoint + "/sso",
                "AWS_ENDPOINT_URL_SSO_OIDC": world.endpoint + "/oidc/",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": world.endpoint + "/imds/",
                "http_proxy": "http://127.0.0.1:9",
                **(environ or {}),
            },
            timeout_ms=timeout_ms,
        )
        for keys in world.keys.values():
            assert keys.secret not in outcome.text and keys.token not in outcome.text
        for token in (world.web_token, world.sso_token, world.container_token, world.imds_token, "refresh-token", 'client-"secret'):
            assert token not in outcome.text
        assert not re.search(r"(?i)signature=[0-9a-f]{64}", outcome.text)
        return outcome

    return run


# The environment's proxy does not exist: S3 and STS are on loopback, and no_proxy must exclude them.
DIRECT = {"no_proxy": "127.0.0.1"}


def process(tmp_path, *responses):
    """A credential_process that prints one response after another, and counts its calls."""
    for i, response in enumerate(responses):
        (tmp_path / f"response{i}").write_text(response)
    script = tmp_path / "give keys.sh"
    script.write_text(
        f'n=$(cat "{tmp_path}/calls" 2>/dev/null || echo 0)\necho $((n + 1)) > "{tmp_path}/calls"\n'
        f'[ -f "{tmp_path}/response$n" ] || n={len(responses) - 1}\ncat "{tmp_path}/response$n"\n'
    )
    return f'[default]\ncredential_process = /bin/sh "{script}" --for=me\n'


def calls(tmp_path):
    return int((tmp_path / "calls").read_text())


def test_process(world, ask, tmp_path):
    keys = world.add("P")
    outcome = ask(process(tmp_path, keys.json("SessionToken", Version=1)), DIRECT)
    assert outcome.ok and outcome.data == b"hello", outcome
    assert {key for key, _ in world.signed} == {keys.id} and calls(tmp_path) == 1


def test_signed_urls_wait_for_their_keys(world, ask, tmp_path):
    """Nothing is sent to the store: the keys alone are fetched, and their token goes into the URL."""
    keys = world.add("P")
    outcome = ask(process(tmp_path, keys.json("SessionToken", Version=1)), DIRECT, call=("sign", "s3://b/k", "GET", "60"))
    assert outcome.ok and calls(tmp_path) == 1 and world.signed == [], outcome
    (url,) = outcome.names
    assert url.startswith(f"{world.endpoint}/b/k?") and f"X-Amz-Credential={keys.id}%2F" in url
    assert f"X-Amz-Security-Token={keys.token}&" in url and re.search("X-Amz-Signature=[0-9a-f]{64}$", url)
    assert ask("[default]\ncredential_process = exit 7\n", DIRECT, call=("sign", "s3://b/k", "GET", "60")).code == "COVE_EAUTH"
    assert ask("[default]\ncredential_process = sleep 600\n", DIRECT, call=("sign", "s3://b/k", "GET", "60"), timeout_ms=300).code == "COVE_ETIMEDOUT"


def test_process_fails(world, ask, tmp_path):
    outcome = ask("[default]\ncredential_process = exit 7\n", DIRECT)
    assert outcome.code == "COVE_EAUTH" and "status 7" in outcome.message, outcome
    assert world.signed == []


def test_process_hangs_until_the_deadline(world, ask):
    assert ask("[default]\ncredential_process = sleep 600\n", DIRECT, timeout_ms=300).code == "COVE_ETIMEDOUT"


def test_container(world, ask, tmp_path):
    world.next = [world.add("C")]
    token = tmp_path / "token"
    token.write_text(world.container_token + "\n")
    environ = {
        **DIRECT,
        "no_proxy": "*",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.endpoint + "/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not this one",
    }
    assert ask("", environ).ok and world.sources() == ["container"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://example.com/x",
        "http://127.evil.example/x",
        "http://127.0.0.1@evil.example/",
        "ftp://127.0.0.1/",
        "http://169.254.170.20/",
        "http://[::2]/",
        "http://localhost.example/",
    ],
)
def test_container_credentials_from_another_host(world, ask, uri):
    outcome = ask("", {**DIRECT, "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": world.container_token})
    assert outcome.code == "COVE_EINVAL" and "AWS_CONTAINER_CREDENTIALS_FULL_URI" in outcome.message, outcome


def test_container_token_of_two_lines(world, ask):
    outcome = ask("", {**DIRECT, "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.endpoint + "/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nX-Evil: b"})
    assert outcome.code == "COVE_EINVAL" and "X-Evil" not in outcome.text, outcome


def test_instance(world, ask):
    world.next = [world.add("I")]
    # The endpoint is reached although a proxy is set for it: the metadata service is never asked through one.
    outcome = ask("", {"AWS_EC2_METADATA_DISABLED": "false"}, proxy="")
    assert outcome.ok, outcome
    assert world.sources() == ["imds"] and [r.method for r in world.server.requests[:3]] == ["PUT", "GET", "GET"]


def test_instance_disabled(world, ask):
    outcome = ask("", DIRECT)
    assert outcome.code == "COVE_EAUTH" and "no credentials found" in outcome.message, outcome
    assert world.server.requests == []


def test_no_instance(world, ask):
    outcome = ask("", {**DIRECT, "AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"})
    assert outcome.code == "COVE_EAUTH" and "no credentials found" in outcome.message and "anon=true" in outcome.message, outcome


def web(tmp_path, token):
    path = tmp_path / "web-token"
    path.write_text(token + "\n")
    return str(path)


def test_web_identity_of_the_environment(world, ask, tmp_path):
    world.next = [world.add("W")]
    environ = {**DIRECT, "AWS_WEB_IDENTITY_TOKEN_FILE": web(tmp_path, world.web_token), "AWS_ROLE_ARN": ARN + "pod"}
    assert ask("[default]\naws_access_key_id = A\naws_secret_access_key = b\n", environ).ok
    assert world.sources() == ["sts:pod:nobody:"]


def test_web_identity_of_a_profile(world, ask, tmp_path):
    world.next = [world.add("W")]
    outcome = ask(f"[profile p]\nrole_arn = {ARN}pod\nweb_identity_token_file = {web(tmp_path, world.web_token)}\n", DIRECT, profile="p")
    assert outcome.ok and world.sources() == ["sts:pod:nobody:"], outcome


def test_web_identity_refused(world, ask, tmp_path):
    outcome = ask("", {**DIRECT, "AWS_WEB_IDENTITY_TOKEN_FILE": web(tmp_path, "other"), "AWS_ROLE_ARN": ARN + "pod"})
    assert outcome.code == "COVE_EAUTH" and "InvalidIdentityToken" in outcome.message, outcome


def test_roles_in_a_chain(world, ask):
    user, first, second = world.add("USER"), world.add("FIRST"), world.add("SECOND")
    world.next = [first, second]
    outcome = ask(
        f"[profile a]\nrole_arn = {ARN}one\nsource_profile = b\nexternal_id = x&y z\n"
        f"[profile b]\nrole_arn = {ARN}two\nsource_profile = c\n"
        f"[profile c]\naws_access_key_id = {user.id}\naws_secret_access_key = {user.secret}\naws_session_token = {user.token}\n",
        DIRECT,
        profile="a",
    )
    assert outcome.ok, outcome
    assert world.sources() == [f"sts:two:{user.id}:", f"sts:one:{first.id}:x&y z"]
    assert {key for key, _ in world.signed} == {second.id}


def test_clock_of_sts(world, ask):
    """If this machine's clock is wrong, the request for a role is repeated, signed with STS's time."""
    world.sts_clock = True
    user = world.add("USER")
    world.next = [world.add("R")]
    outcome = ask(
        f"[profile a]\nrole_arn = {ARN}one\ncredential_source = Environment\n",
        {**DIRECT, "AWS_ACCESS_KEY_ID": user.id, "AWS_SECRET_ACCESS_KEY": user.secret, "AWS_SESSION_TOKEN": user.token},
        profile="a",
    )
    assert outcome.ok and world.sources() == [f"sts:one:{user.id}:"], outcome


def test_role_by_environment(world, ask):
    user = world.add("USER")
    world.next = [world.add("R")]
    outcome = ask(
        f"[profile a]\nrole_arn = {ARN}one\ncredential_source = Environment\n",
        {**DIRECT, "AWS_ACCESS_KEY_ID": user.id, "AWS_SECRET_ACCESS_KEY": user.secret, "AWS_SESSION_TOKEN": user.token},
        profile="a",
    )
    assert outcome.ok and world.sources() == [f"sts:one:{user.id}:"], outcome


@pytest.mark.parametrize(
    "profile, reason",
    [
        ("role_arn = {arn}closed\nsource_profile = u\n", "AccessDenied: IDU may not assume it"),
        ("role_arn = {arn}one\nsource_profile = a\n", "more than 8 links"),
        ("role_arn = {arn}one\nsource_profile = nobody\n", "source_profile of the AWS profile 'a': the AWS profile 'nobody' is neither in "),
        ("role_arn = {arn}one\n", "none of source_profile"),
        ("role_arn = {arn}one\nsource_profile = u\nmfa_serial = arn:mfa\n", "the AWS profile 'a': its role needs a code of the MFA device arn:mfa,"),
        ("role_arn = {arn}one\nsource_profile = m\n", "the AWS profile 'm': its role needs a code of the MFA device arn:mfa2,"),
        ("sso_account_id = 1\n", "sso_role_name"),
    ],
)
def test_profiles_that_cannot_serve(world, ask, profile, reason):
    user = world.add("U")
    outcome = ask(
        f"[profile a]\n{profile.format(arn=ARN)}[profile m]\nrole_arn = {ARN}two\nsource_profile = u\nmfa_serial = arn:mfa2\n[profile u]\naws_access_key_id = {user.id}\n"
        f"aws_secret_access_key = {user.secret}\naws_session_token = {user.token}\n",
        DIRECT,
        profile="a",
    )
    assert outcome.code in ("COVE_EAUTH", "COVE_EINVAL") and reason in outcome.message, outcome
    assert world.given == [] and world.signed == []


SSO = (
    "[profile s]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = Reader\n"
    "[sso-session work]\nsso_start_url = https://start.example\nsso_region = eu-west-1\n"
)


def sso_cache(tmp_path, token, expires):
    folder = tmp_path / ".aws" / "sso" / "cache"
    folder.mkdir(parents=True)
    (folder / (hashlib.sha1(b"work").hexdigest() + ".json")).write_text(json.dumps({"accessToken": token, "expiresAt": expires}))


def test_sso(world, ask, tmp_path):
    world.next = [world.add("S")]
    sso_cache(tmp_path, world.sso_token, when(3600))
    outcome = ask(SSO, DIRECT, profile="s")
    assert outcome.ok and world.sources() == ["sso"], outcome


def sso_file(tmp_path, token="sso-token", lasts=60, refresh="refresh-token-1", registered=86400, **more):
    """A login as `aws sso login` leaves it for an sso-session."""
    folder = tmp_path / ".aws" / "sso" / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (hashlib.sha1(b"work").hexdigest() + ".json")
    path.write_text(
        json.dumps(
            {
                "startUrl": "https://start.example",
                "region": "eu-west-1",
                "accessToken": token,
                "expiresAt": when(lasts),
                "clientId": "client",
                "clientSecret": 'client-"secret"\\',
                "registrationExpiresAt": when(registered),
                "refreshToken": refresh,
                **more,
            }
        )
    )
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("lasts", [-3600, 60, 800])
def test_sso_token_is_renewed(world, ask, tmp_path, lasts):
    world.next = [world.add("S")]
    path = sso_file(tmp_path, lasts=lasts)
    outcome = ask(SSO, DIRECT, profile="s")
    assert outcome.ok and world.sources() == ["sso"] and world.renewals == 1, outcome
    now = json.loads(path.read_text())
    assert (now["accessToken"], now["refreshToken"]) == ("sso-token-2", "refresh-token-2") == (world.sso_token, world.refresh_token)
    assert when(3500) < now["expiresAt"] < when(3700) and now["expiresAt"].endswith("Z")
    assert (now["clientId"], now["clientSecret"]) == ("client", 'client-"secret"\\')
    assert (now["startUrl"], now["region"]) == ("https://start.example", "eu-west-1") and "registrationExpiresAt" in now
    assert path.stat().st_mode & 0o777 == 0o600 and list(path.parent.iterdir()) == [path]
    # What was written serves the next, and is not renewed again.
    outcome = ask(SSO, DIRECT, profile="s")
    assert outcome.ok and world.renewals == 1, outcome


def test_a_valid_sso_token_is_not_renewed(world, ask, tmp_path):
    world.next = [world.add("S")]
    before = sso_file(tmp_path, lasts=1000).read_text()
    assert ask(SSO, DIRECT, profile="s").ok and world.renewals == 0
    assert sso_file(tmp_path, lasts=1000).read_text()[:80] == before[:80]


def test_sso_renewal_refused_while_the_token_lasts(world, ask, tmp_path):
    world.next, world.refresh_token = [world.add("S")], "another"
    outcome = ask(SSO, DIRECT, profile="s") if sso_file(tmp_path) else None
    assert outcome.ok and world.renewals >= 1 and "not renewed" in outcome.log, outcome


@pytest.mark.parametrize("what", ["refused", "garbage", "no registration", "no server"])
def test_sso_renewal_fails_after_the_end(world, ask, tmp_path, what):
    path = sso_file(tmp_path, lasts=-1, registered=-1 if what == "no registration" else 86400)
    before = path.read_text()
    environ = dict(DIRECT)
    if what == "refused":
        world.refresh_token = "another"
    elif what == "garbage":
        world.garbage = (200, '{"accessToken": "a\\r\\nX: y", "expiresIn": 3600}')
    elif what == "no server":
        environ["AWS_ENDPOINT_URL_SSO_OIDC"] = "http://127.0.0.1:9"
    outcome = ask(SSO, environ, profile="s")
    assert outcome.code == "COVE_EAUTH" and "session has expired" in outcome.message and "aws sso login --profile s" in outcome.message, outcome
    assert ("not renewed" in outcome.message) == (what != "no registration"), outcome
    assert path.read_text() == before and list(path.parent.iterdir()) == [path]


def test_sso_renewed_by_another_program_meanwhile(world, ask, tmp_path):
    """Its refresh token was used up in between: what the other one has written serves."""
    world.next = [world.add("S")]
    sso_file(tmp_path, lasts=-1)

    def other():
        world.sso_token, world.refresh_token = "sso-token-of-another", "refresh-token-of-another"
        sso_file(tmp_path, world.sso_token, 3600, world.refresh_token)

    world.on_renewal = other
    outcome = ask(SSO, DIRECT, profile="s")
    assert outcome.ok and world.sources() == ["sso"], outcome


def test_sso_token_that_cannot_be_kept(world, ask, tmp_path):
    world.next = [world.add("S")]
    path = sso_file(tmp_path, lasts=-1)
    path.parent.chmod(0o500)
    try:
        outcome = ask(SSO, DIRECT, profile="s")
    finally:
        path.parent.chmod(0o700)
    assert outcome.ok and world.renewals == 1, outcome
    if os.geteuid() != 0:  # whom no mode stops
        assert "cannot be kept" in outcome.log and list(path.parent.iterdir()) == [path], outcome


def test_services_of_the_config_file(world, ask, tmp_path):
    """The endpoints of STS, SSO and its OIDC service stand in the services section of the profile that is asked for."""
    world.next = [world.add("S"), world.add("R")]
    sso_file(tmp_path, lasts=-1)
    services = "".join(f"{name} =\n  endpoint_url = {world.endpoint}/{at}\n" for name, at in (("sts", "sts"), ("sso", "sso/"), ("sso_oidc", "oidc")))
    none = {"AWS_ENDPOINT_URL_STS": "", "AWS_ENDPOINT_URL_SSO": "", "AWS_ENDPOINT_URL_SSO_OIDC": ""}
    outcome = ask(f"{SSO}[profile a]\nrole_arn = {ARN}one\nsource_profile = s\nservices = lab\n[services lab]\n{services}", {**DIRECT, **none}, profile="a")
    assert outcome.ok and world.sources() == ["sso", "sts:one:IDS:"] and world.renewals == 1, outcome


def test_the_profiles_endpoint_applies_to_sts(world, ask):
    user = world.add("USER")
    world.next = [world.add("R")]
    outcome = ask(
        f"[profile a]\nrole_arn = {ARN}one\nsource_profile = u\nendpoint_url = {world.endpoint}/sts\n[profile u]\n"
        f"aws_access_key_id = {user.id}\naws_secret_access_key = {user.secret}\naws_session_token = {user.token}\n",
        {**DIRECT, "AWS_ENDPOINT_URL_STS": ""},
        profile="a",
    )
    assert outcome.ok and world.sources() == [f"sts:one:{user.id}:"], outcome


@pytest.mark.parametrize("place", ["instance", "container"])
def test_instance_credentials_bypass_the_proxy(world, ask, tmp_path, place):
    """The store is reached through a proxy, by the option; the environment names one, too; the place's own service is asked directly."""
    world.next = [world.add("I")]
    environ = {"AWS_EC2_METADATA_DISABLED": "false"}
    if place == "container":
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": world.endpoint + "/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": world.container_token}
    with MockServer({"b/k": b"hello"}) as proxy:
        environ |= {"http_proxy": proxy.endpoint, "https_proxy": proxy.endpoint, "all_proxy": proxy.endpoint}
        outcome = ask("", environ, proxy=proxy.endpoint)
        assert outcome.ok and outcome.data == b"hello", outcome
        assert [r.operation for r in proxy.requests] == ["GetObject"] and proxy.requests[0].target.startswith("http://")
    assert world.sources() == ["imds" if place == "instance" else "container"]
    assert all("/imds/" in r.target or r.target == "/container" for r in world.server.requests), [r.target for r in world.server.requests]


@pytest.mark.parametrize("token, lasts", [(None, 0), ("sso-token", -1), ("other", 3600), ("", 3600)])
def test_sso_without_a_token_asks_for_a_login(world, ask, tmp_path, token, lasts):
    if token is not None:
        sso_cache(tmp_path, token, when(lasts))
    outcome = ask(SSO, DIRECT, profile="s")
    assert outcome.code == "COVE_EAUTH" and "aws sso login --profile s" in outcome.message, outcome


@pytest.mark.parametrize(
    "status, body",
    [
        (200, ""),
        (200, "secret-in-garbage"),
        (200, '{"AccessKeyId": "secret-in-garbage'),
        (200, "[]"),
        (200, "{}"),
        (200, '{"AccessKeyId":"A","SecretAccessKey":"secret-in-garbage","Token":"secret-in-garbage","Expiration":"soon"}'),
        (200, '{"AccessKeyId":"A\\nX: y","SecretAccessKey":"secret-in-garbage"}'),
        (200, "x" * 70000),
        (404, "secret-in-garbage"),
        (200, '{"Code":"Failed","SecretAccessKey":"secret-in-garbage"}'),
    ],
)
def test_malformed_credentials(world, ask, tmp_path, status, body):
    world.garbage = (status, body)
    outcome = ask("", {**DIRECT, "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.endpoint + "/container"})
    assert outcome.code in ("COVE_EPROTOCOL", "COVE_EAUTH", "COVE_ELIMIT"), outcome
    assert "secret-in-garbage" not in outcome.text and world.signed == []
    if status == 200 and len(body) < 1000:
        outcome = ask(process(tmp_path, body), DIRECT)
        assert outcome.code in ("COVE_EPROTOCOL", "COVE_EAUTH"), outcome
        assert "secret-in-garbage" not in outcome.text and world.signed == []


@pytest.mark.parametrize("expiration", ["", ',"Expiration":null', ',"Expiration":""'])
def test_keys_without_an_end(world, ask, tmp_path, expiration):
    """They would be used forever. Only a process may give such keys."""
    keys = world.add("KEY")
    world.garbage = (200, f'{{"AccessKeyId":"{keys.id}","SecretAccessKey":"{keys.secret}","Token":"{keys.token}"{expiration}}}')
    outcome = ask("", {**DIRECT, "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.endpoint + "/container"})
    assert outcome.code == "COVE_EPROTOCOL" and "expiration" in outcome.message and world.signed == [], outcome


@pytest.mark.parametrize(
    "body", ["", "<x>secret-in-garbage", "<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>secret-in-garbage</SecretAccessKey></Credentials></R>"]
)
def test_malformed_responses_of_sts(world, ask, tmp_path, body):
    world.garbage = (200, body)
    outcome = ask("", {**DIRECT, "AWS_WEB_IDENTITY_TOKEN_FILE": web(tmp_path, world.web_token), "AWS_ROLE_ARN": ARN + "pod"})
    assert outcome.code == "COVE_EPROTOCOL" and "secret-in-garbage" not in outcome.text, outcome


def test_keys_expire_in_mid_upload(world, ask, tmp_path):
    first, second = world.add("OLD"), world.add("NEW")
    world.revoke_after = (3, first)
    outcome = ask(
        process(tmp_path, first.json("SessionToken"), second.json("SessionToken")),
        DIRECT,
        call=("write", "s3://b/big", 24 << 20),
        default_block_size=str(5 << 20),
    )
    assert outcome.ok, outcome
    assert world.s3.objects["b/big"][0] == pattern(24 << 20)
    assert calls(tmp_path) == 2 and world.refusals >= 1
    assert [key for key, _ in world.signed] == [first.id] * 3 + [second.id] * (len(world.signed) - 3)


def test_keys_near_their_end_are_replaced_once(world, ask, tmp_path):
    """A process whose first keys end in half a minute: they serve, being just fetched."""
    first = world.add("OLD", 30)
    outcome = ask(process(tmp_path, first.json("SessionToken")), DIRECT)
    assert outcome.ok and calls(tmp_path) == 1, outcome


def test_a_refused_head_without_an_error_code(world, ask, tmp_path):
    first, second = world.add("OLD"), world.add("NEW")
    first.revoked = True
    outcome = ask(process(tmp_path, first.json("SessionToken"), second.json("SessionToken")), DIRECT, call=("stat", "s3://b/k"))
    assert outcome.ok and calls(tmp_path) == 2, outcome


def test_keys_that_stay_refused(world, ask, tmp_path):
    keys = world.add("OLD")
    keys.revoked = True
    outcome = ask(process(tmp_path, keys.json("SessionToken")), DIRECT)
    assert outcome.code == "COVE_EAUTH" and "expired" in outcome.message, outcome
    assert calls(tmp_path) == 2 and world.refusals == 1


def shared_file(tmp_path, keys):
    folder = tmp_path / ".aws"
    folder.mkdir(exist_ok=True)
    (folder / "credentials").write_text(f"[default]\naws_access_key_id = {keys.id}\naws_secret_access_key = {keys.secret}\naws_session_token = {keys.token}\n")


@pytest.mark.parametrize("call", [("get", "s3://b/k"), ("stat", "s3://b/k"), ("write", "s3://b/big", 24 << 20)], ids=["get", "stat", "upload"])
@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_keys_of_a_file_are_read_again_when_they_are_refused(world, ask, tmp_path, code, call):
    """They are rotated while the process runs, after its first request has gone out, or in the middle of an upload."""
    old, new = world.add("OLD"), world.add("NEW")
    shared_file(tmp_path, old)

    def rotate():
        shared_file(tmp_path, new)
        if code == "InvalidAccessKeyId":
            world.keys.pop(old.id, None)
        elif code == "SignatureDoesNotMatch":
            old.secret = "secret-of-another-9d1c7e"
        else:
            old.revoked = True

    world.rotate_after = (3 if call[0] == "write" else 0, rotate)
    outcome = ask("", DIRECT, call=call, default_block_size=str(5 << 20))
    assert outcome.ok and world.signed[-1][0] == new.id, outcome
    if call[0] == "write":
        assert world.s3.objects["b/big"][0] == pattern(24 << 20)
    elif call[0] == "get":
        assert world.refusals == 1
    else:  # a HEAD's refusal has no reason: a GET fetches it, after a 400 a HEAD without a question for checksums, too
        assert world.refusals == (3 if code == "ExpiredToken" else 2)


@pytest.mark.parametrize("call, requests", [(("get", "s3://b/k"), 1), (("stat", "s3://b/k"), 2)], ids=["get", "stat"])
def test_keys_of_a_file_that_stay_refused(world, ask, tmp_path, call, requests):
    """The file still has them: the refusal is the error, and the request is not repeated; a HEAD's refusal has no reason, so a GET fetches it."""
    keys = Keys("UNKNOWN")
    world.keys["shown"] = keys  # no secret of it may be shown
    shared_file(tmp_path, keys)
    outcome = ask("", DIRECT, call=call)
    assert outcome.code == "COVE_EAUTH" and outcome.store_code == "InvalidAccessKeyId" and outcome.http_status == 403, outcome
    assert f"; signed with the keys of the AWS profile 'default', line 2 of {tmp_path}/.aws/credentials" in outcome.message
    assert world.refusals == requests and world.signed == []


@pytest.mark.parametrize("text, why", [("", "the AWS profile 'default' is neither in"), ("[default]\n", "has no credentials now")], ids=["empty", "half"])
@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_keys_of_a_file_that_is_being_written(world, ask, tmp_path, code, text, why):
    """The store's refusal is the error; the machine's own role, which is another identity, is not looked for."""
    old = world.add("OLD")
    world.next = [world.add("ROLE")]
    shared_file(tmp_path, old)

    def rewrite():
        (tmp_path / ".aws" / "credentials").write_text(text)
        if code == "InvalidAccessKeyId":
            world.keys.pop(old.id)
        else:
            old.secret = "secret-of-another-9d1c7e"

    world.rotate_after = (0, rewrite)
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": world.endpoint + "/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": world.container_token}
    outcome = ask("", {**DIRECT, "no_proxy": "*", **container})
    assert outcome.code == "COVE_EAUTH" and outcome.store_code == code and outcome.http_status == 403, outcome
    assert "; no other credentials could be had: the AWS profile 'default'" in outcome.message and why in outcome.message
    assert world.sources() == [] and world.signed == [] and world.refusals == 1


def test_forbidden_head_does_not_read_keys_again(world, ask, tmp_path):
    """The store takes the keys, but not for this object."""
    keys = world.add("KEYS")
    world.forbidden = {"/b/k"}
    outcome = ask(process(tmp_path, keys.json("SessionToken")), DIRECT, call=("stat", "s3://b/k"))
    assert outcome.code == "COVE_EACCESS" and calls(tmp_path) == 1, outcome


def test_fixed_keys_are_not_refreshed(world, ask):
    keys = world.add("FIXED")
    keys.revoked = True
    assert ask("", DIRECT, key=keys.id, secret=keys.secret, token=keys.token).code == "COVE_EAUTH"
    assert world.refusals == 1


ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "IDX", "AWS_SECRET_ACCESS_KEY": "secret-x"}


@pytest.mark.parametrize("config, environ, options, source", [
    ("", ENVIRONMENT, {}, "AWS_ACCESS_KEY_ID"),
    ("[default]\naws_access_key_id = IDU\naws_secret_access_key = s\n", ENVIRONMENT, {}, "AWS_ACCESS_KEY_ID"),
    ("", {}, {"key": "IDX", "secret": "secret-x"}, "the option key"),
    ("[default]\n\naws_access_key_id = IDX\naws_secret_access_key = s\n", {}, {}, "the AWS profile 'default', line 3 of {home}/.aws/config"),
    ('[default]\naws_access_key_id = "IDX"\naws_secret_access_key = "s"\n', {}, {},
     "the AWS profile 'default', line 2 of {home}/.aws/config, with quotes around them, which count as part of the value"),
    ("[default]\naws_access_key_id = IDX\naws_secret_access_key = s # mine\n", {}, {},
     "the AWS profile 'default', line 2 of {home}/.aws/config, with a comment behind them, which counts as part of the value"),
    (f"[default]\nrole_arn = {ARN}one\nsource_profile = u\n{{u}}", {}, {}, f"the role {ARN}one"),
    ("[default]\ncredential_process = echo '{{\"Version\":1,\"AccessKeyId\":\"IDX\",\"SecretAccessKey\":\"s\"}}'\n", {}, {}, "credential_process"),
    ("", {"AWS_EC2_METADATA_DISABLED": "false"}, {}, "the instance's metadata service"),
])  # fmt: skip
@pytest.mark.parametrize("call", [("get", "s3://b/k"), ("stat", "s3://b/k")], ids=["get", "stat"])
def test_refused_keys_are_named_by_their_source(world, ask, tmp_path, config, environ, options, source, call):
    """Stale keys of the environment above good ones in a file, quotes: the message names the place, and shows no key."""
    user = world.add("U")
    world.next = [Keys("R")]  # which the store does not know
    lines = f"[profile u]\naws_access_key_id = {user.id}\naws_secret_access_key = {user.secret}\naws_session_token = {user.token}\n"
    outcome = ask(config.format(u=lines), {**DIRECT, **environ}, call=call, **options)
    assert outcome.code == "COVE_EAUTH" and "the store does not know this access key id" in outcome.message, outcome
    assert re.search(f"; signed with the keys of {re.escape(source.format(home=tmp_path))}(, after [0-9] attempts)?$", outcome.message), outcome
    assert "IDX" not in outcome.message and "IDR" not in outcome.message


def test_keys_that_sts_refuses_are_named_by_their_source(ask):
    outcome = ask(f"[default]\nrole_arn = {ARN}one\ncredential_source = Environment\n", {**DIRECT, **ENVIRONMENT}, profile="default")
    assert outcome.code == "COVE_EAUTH" and "who are you (keys of AWS_ACCESS_KEY_ID)" in outcome.message, outcome

"""Random files of AWS's: a config and a credentials file, of valid and of invalid syntax."""

import random

NAMES = (
    "region endpoint_url ca_bundle credential_process role_arn source_profile credential_source external_id role_session_name "
    "duration_seconds mfa_serial web_identity_token_file sso_session sso_account_id sso_role_name sso_start_url sso_region services "
    "use_dualstack_endpoint use_fips_endpoint s3_use_arn_region output retry_mode"
).split()
KEYS = "aws_access_key_id aws_secret_access_key aws_session_token aws_security_token".split()
OF_S3 = "addressing_style use_dualstack_endpoint use_accelerate_endpoint use_arn_region max_concurrent_requests".split()
SERVICES = "s3 sts sso sso_oidc dynamodb".split()
PROFILES = ["default", "x", "a b", "DEFAULT", "profile x"]
CONFIG_HEADS = [
    "default",
    "profile x",
    'profile "x"',
    "profile 'a b'",
    'profile "a b"',
    "profile a b",
    "profile a\\ b",
    "profile default",
    " default ",
    "x",
    "Profile x",
    "profiles x",
    "profile  x",
    'profile "x',
    "profile\tx",
    "profile",
    "DEFAULT",
    "plugins",
    "profile x ",
    "Default",
    'profile "a\\" b"',
    "profile x''",
    "profile ''",
]
SERVICES_HEADS = ["services x", 'services "x"', "services y", "sso-session x", "sso-session 'x'", "sso-session y", "services  x"]
CREDENTIALS_HEADS = ["default", "x", "a b", '"x"', "profile x", " default", "DEFAULT", "Default"]
VALUES = [
    "v",
    "us-east-1",
    "http://h:1/p?a=b",
    "a # b",
    "a ; b",
    "a#b",
    '"quoted"',
    "'q'",
    "50%",
    "%(x)s",
    "$HOME",
    "a=b:c",
    "",
    "",
    "two  words",
    "/nonexistent/program",
    "tab\there",
    "é",
    "\xa0nbsp\xa0",
    "[x]",
    "true",
    "True",
    "x" * 5000,
    "=",
    "a\x0bb",
    "a\u2028b",
]


def spoil(r, name):
    return r.choice([name, name, name, name.upper(), name.title()])


def option(r, name, value):
    return f"{spoil(r, name)}{r.choice([' = ', '=', ': ', ':', ' =', chr(9) + '=' + chr(9), chr(160) + '= '])}{value}"


def nested(r, name, inner):
    lines = [option(r, name, "").rstrip()]
    for _ in range(r.randint(1, 3)):
        key = r.choice(inner)
        lines.append(
            r.choice(["  ", "\t", "    ", " ", "\xa0"])
            + (key if r.random() < 0.9 else key.upper())
            + r.choice([" = ", "="])
            + r.choice(["path", "virtual", "true", "false", "http://n:2", "a = b", "a # b", ""])
        )
        if r.random() < 0.15:
            lines.append(r.choice(["", "  # comment", "; comment", "   "]))
    return lines


def body(r, credentials):
    lines, used = [], set()
    for _ in range(r.randint(0, 6)):
        name = r.choice(KEYS if r.random() < (0.7 if credentials else 0.3) else NAMES)
        if name in used and r.random() < 0.97:
            continue
        used.add(name)
        lines.append(option(r, name, r.choice(["x", "x", "y"] if name in ("services", "sso_session") else VALUES)))
        if r.random() < 0.05:
            lines.append(r.choice(["  more", "\tmore = x", "", "   ", " [x]", " # comment"]))
    if "aws_access_key_id" in used and "aws_secret_access_key" not in used and r.random() < 0.7:
        lines.append(option(r, "aws_secret_access_key", "secret"))
    if r.random() < 0.3:
        lines += nested(r, r.choice(["s3", "s3", "region"] if r.random() < 0.1 else ["s3"]), OF_S3)
    if r.random() < 0.15:
        lines.insert(r.randint(0, len(lines)), r.choice(["# comment", "; comment", " # comment", "", "nonsense", "= x", "\t", "[]"]))
    if r.random() < 0.1:
        lines = [" " * r.choice([2, 2, 3]) + line for line in lines]
    return lines


def file(r, credentials):
    heads = CREDENTIALS_HEADS if credentials else CONFIG_HEADS
    lines = []
    if r.random() < 0.1:
        lines.append(r.choice(["# comment", "", "region = x", "  "]))
    chosen = [r.choice(heads[:2] if r.random() < 0.5 else heads) for _ in range(r.randint(1, 4))]
    for head in chosen if r.random() < 0.05 else dict.fromkeys(chosen):
        lines.append(f"{r.choice(['', '', '', '', ' '])}[{head}]{r.choice(['', '', '', ' # mine', ' ', ' ]x'])}")
        lines += body(r, credentials)
    if not credentials:
        for head in dict.fromkeys(r.choice(SERVICES_HEADS) for _ in range(r.randint(0, 3))):
            lines.append(f"[{head}]")
            if head.startswith("sso"):
                lines += [option(r, name, r.choice(["v", "us-east-1"])) for name in ("sso_start_url", "sso_region") if r.random() < 0.7]
            for service in dict.fromkeys(r.choice(SERVICES) for _ in range(r.randint(0, 3))):
                lines += nested(r, service, ["endpoint_url", "endpoint_url", "other"])
    text = r.choice(["\n", "\n", "\n", "\r\n", "\r"]).join(lines) + r.choice(["", "\n"])
    data = text.encode()
    return data.replace(b"v", b"\xe9", 1) if r.random() < 0.01 else data


def files(seed):
    """(config, credentials, profile); either file is None where there is none."""
    r = random.Random(seed)
    config = file(r, False) if r.random() < 0.9 else None
    credentials = file(r, True) if r.random() < 0.6 else None
    return config, credentials, r.choice(PROFILES[:2] if r.random() < 0.7 else PROFILES)

"""Who may do what in the mock of Azure: Shared Key, shared access signatures and tokens, checked as the service does.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

import base64
import email.utils
import hashlib
import hmac
import time
import urllib.parse

from azure_store import Refused

ACCOUNT = "acct"
KEY = base64.b64encode(b"the key of the account of the mock: 64 bytes that all may read..").decode()
SKEW_S = 15 * 60
BLOB_FIELDS = ("si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl", "rsct")
DELEGATED_FIELDS = ("skoid", "sktid", "skt", "ske", "sks", "skv")
ACCOUNT_FIELDS = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
RIGHTS = {  # letters of sp= that an operation takes, any of them
    "GetBlob": "r", "GetBlobProperties": "r", "GetBlockList": "r", "ListBlobs": "l", "ListContainers": "l",
    "DeleteBlob": "d", "PutBlock": "cw", "PutBlob": "cw", "PutBlockList": "cw", "AppendBlock": "aw", "CreateContainer": "cw",
    "PathList": "l", "PathRead": "r", "PathGetProperties": "re", "PathGetAccessControl": "e", "PathCreate": "cw", "PathAppend": "aw", "PathFlush": "aw",
    "PathSetProperties": "w", "PathRename": "cw", "RenameSource": "md", "PathDelete": "d",
}  # fmt: skip


def sign(text, key=KEY):
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def delegated_value(*fields):
    """The user delegation key of these fields, in DELEGATED_FIELDS' order: the mock keeps none, as a signature repeats them."""
    return sign("\n".join(fields))


def failed(detail):
    return Refused(403, "AuthenticationFailed", "Server failed to authenticate the request.", {"detail": detail})


def string_to_sign(r):
    h = r.headers
    length = h.get("content-length", "")
    names = ("content-md5", "content-type", None, "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range")
    lines = [r.method, h.get("content-encoding", ""), h.get("content-language", ""), "" if length == "0" else length]
    lines += [h.get(name, "") if name else "" for name in names]
    lines += [f"{name}:{value}" for name, value in sorted(h.items()) if name.startswith("x-ms-")]
    pairs = {}
    for name, value in r.pairs:
        pairs.setdefault(name.lower(), []).append(value)
    resource = f"/{ACCOUNT}{r.raw_path}" + "".join(f"\n{name}:{','.join(sorted(pairs[name]))}" for name in sorted(pairs))
    return "\n".join([*lines, resource])


def _check_key(r, given):
    date = email.utils.parsedate_to_datetime(r.headers["x-ms-date"]).timestamp()
    if abs(date - time.time()) > SKEW_S:
        raise failed(f"The date header in the request is incorrect: {r.headers['x-ms-date']}")
    wanted = f"SharedKey {ACCOUNT}:{sign(string_to_sign(r))}"
    if given != wanted:
        raise failed(f"The MAC signature found in the HTTP request is not the same as any computed signature. Server used '{r.method}'.")


def _check_sas(query, container, key, operation):
    """`query`: of the request, or of a copy's source."""
    key_of_sas, now = KEY, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if "b" not in query.get("ss", "b"):
        raise Refused(403, "AuthorizationServiceMismatch", "This request is not authorized to perform this operation using this service.")
    if "ss" in query:
        text = "\n".join([ACCOUNT, *(query.get(name, "") for name in ACCOUNT_FIELDS), ""])
    else:
        path = f"/blob/{ACCOUNT}/{container}" + ("" if query["sr"] == "c" else f"/{key}")
        at = {**query, "snapshot": query.get("versionid", "") if query["sr"] == "bv" else query.get("snapshot", "")}
        fields = BLOB_FIELDS
        if "skoid" in query:
            key_of_sas = delegated_value(*(query[name] for name in DELEGATED_FIELDS))
            fields = (*DELEGATED_FIELDS, "saoid", "suoid", "scid", *BLOB_FIELDS[1:])
        text = "\n".join([query.get("sp", ""), query.get("st", ""), query.get("se", ""), path, *(at.get(name, "") for name in fields)])
    if query.get("sig") != sign(text, key_of_sas):
        raise failed("Signature did not match.")
    if "skoid" in query and not query["skt"] <= now <= query["se"] <= query["ske"]:
        raise failed(f"The user delegation key is valid from {query['skt']} to {query['ske']}")
    if query.get("se", "") < now:
        raise failed(f"Signature not valid in the specified time frame: Expiry [{query.get('se')}]")
    if not set(RIGHTS.get(operation, query["sp"])) & set(query["sp"]):
        raise Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")


def let_in(store, r):
    """`tokens` of the ways are bearer tokens; `public`: reads need nothing."""
    given = r.headers.get("authorization")
    if given and given.startswith("SharedKey "):
        if store.ways.get("no_keys"):
            raise Refused(403, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted on this storage account.")
        _check_key(r, given)
    elif given:
        if given not in (f"Bearer {token}" for token in store.ways.get("tokens", [])):
            raise Refused(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request.", {"WWW-Authenticate": store.challenge})
    elif "sig" in r.query:
        _check_sas(r.query, r.bucket, r.key, r.operation)
    elif not (store.ways.get("public") and r.method in ("GET", "HEAD")):
        raise Refused(401, "NoAuthenticationInformation", "Server failed to authenticate the request.", {"WWW-Authenticate": store.challenge})


def let_rename(r, container, key):
    """A source's signature is checked, where the request's own credentials are one."""
    query = dict(urllib.parse.parse_qsl(r.headers["x-ms-rename-source"].partition("?")[2], keep_blank_values=True))
    if "sig" in query:
        _check_sas(query, container, key, "RenameSource")
    elif "authorization" not in r.headers:
        raise Refused(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")


def source_of(store, r):
    """(container, name, version, snapshot) of a copy's source, if the request may read it."""
    parts = urllib.parse.urlsplit(r.headers["x-ms-copy-source"])
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    steps = urllib.parse.unquote(parts.path).split("/", 3)[1:]
    if len(steps) < 3 or steps[0] != ACCOUNT:
        raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.", {"header": "x-ms-copy-source"})
    token = r.headers.get("x-ms-copy-source-authorization")
    try:
        if "sig" in query:
            _check_sas(query, steps[1], steps[2], "GetBlob")
        elif token is not None:
            if token not in (f"Bearer {known}" for known in store.ways.get("tokens", [])):
                raise failed("The token of the source is not accepted.")
        elif r.operation != "CopyBlob" or "authorization" not in r.headers:
            raise failed("The source has no credentials.")
    except Refused as refused:
        raise Refused(403, "CannotVerifyCopySource", "Server failed to authenticate the request.", {"x-ms-copy-source-error-code": refused.code}) from None
    return steps[1], steps[2], query.get("versionid"), query.get("snapshot")

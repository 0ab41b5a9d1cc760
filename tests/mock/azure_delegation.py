"""Get User Delegation Key of the mock's account, for whom a token lets in.

https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key
"""

import re
import time

from azure_auth import delegated_value
from azure_messages import xml_response
from azure_store import Refused

VALID_S = 7 * 24 * 3600
OBJECT_ID, TENANT_ID = "99999999-8888-7777-6666-555555555555", "11111111-2222-3333-4444-555555555555"


def _text(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def give(store, r):
    """`delegates` of the ways: false, and the caller's role does not allow it; a number: for how many seconds a key is valid at most."""
    if not r.headers.get("authorization", "").startswith("Bearer "):
        raise Refused(403, "AuthenticationFailed", "Only authentication scheme Bearer is supported.")
    delegates = store.ways.get("delegates", VALID_S)
    if delegates is False:
        raise Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")
    found = re.search("<KeyInfo><Start>([^<]*)</Start><Expiry>([^<]*)</Expiry></KeyInfo>", r.body.decode())
    if not found or found[2] > _text(time.time() + VALID_S) or found[1] >= found[2]:
        raise Refused(400, "InvalidXmlNodeValue", "The value for one of the XML nodes is not in the correct format.")
    start, expiry = found[1], min(found[2], _text(time.time() + delegates))
    rows = {"SignedOid": OBJECT_ID, "SignedTid": TENANT_ID, "SignedStart": start, "SignedExpiry": expiry, "SignedService": "b"}
    rows["SignedVersion"] = r.headers["x-ms-version"]
    rows["Value"] = delegated_value(*rows.values())
    return xml_response("<UserDelegationKey>" + "".join(f"<{name}>{text}</{name}>" for name, text in rows.items()) + "</UserDelegationKey>")


HANDLERS = {"GetUserDelegationKey": give}

"""Credentials as adlfs's callers give them: the argument `credential`, and the arguments that adlfs passes on to azure-identity's DefaultAzureCredential."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cove.errors import failure

_ACCOUNT_KEY = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}", re.ASCII)
_CLIENTS = ("managed_identity_client_id", "workload_identity_client_id")


def of_credential(credential: Any) -> dict[str, str]:
    """The options that an argument `credential` stands for."""
    if credential is None:
        return {}
    if isinstance(credential, str):
        if "sig=" in credential:
            return {"sas_token": credential}
        return {"account_key" if _ACCOUNT_KEY.fullmatch(credential) else "credential": credential}
    if isinstance(credential, Mapping) and set(credential) == {"account_name", "account_key"}:
        return dict(credential)
    if (key := getattr(credential, "named_key", None)) is not None:
        return {"account_name": key.name, "account_key": key.key}
    if (signature := getattr(credential, "signature", None)) is not None:
        return {"sas_token": signature}
    raise TypeError(
        f"credential is a key or a SAS, not {type(credential).__name__}; of azure-identity's credentials, give what they are made from (tenant_id, client_id,"
        " client_secret), or nothing: the environment, a managed identity and the Azure CLI are searched"
    )


def of_default_credential(options: dict[str, Any], client_id: str | None) -> str | None:
    """Replaces arguments of DefaultAzureCredential in `options` by the library's. The application or identity that is meant, or None.

    InvalidArgument: they name several. TypeError: an argument that the library has no option for.
    """
    clients = {client_id, *(options.pop(name, None) for name in _CLIENTS)} - {None, ""}
    if len(clients) > 1:
        raise failure("COVE_EINVAL", f"client_id, {' and '.join(_CLIENTS)} are the same option here, and differ: make a filesystem for each")
    if (authority := options.pop("authority", None)) is not None:
        options.setdefault("authority_host", authority if "://" in authority else f"https://{authority}")
    for name in [name for name in options if re.fullmatch(r"exclude_\w+_credential", name)]:
        if options.pop(name):
            raise TypeError(f"{name} is not supported; set credential, or AZURE_TOKEN_CREDENTIALS, to the source to use, as managed_identity")
    if options.pop("additionally_allowed_tenants", None):
        raise TypeError("additionally_allowed_tenants is not supported; give the account's tenant as tenant_id")
    return next(iter(clients), client_id)

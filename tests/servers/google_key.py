"""A service account's key file, as Google's console gives one, with a key that openssl makes."""

import json
import subprocess


def key_file(folder, email="tester@cove-test.iam.gserviceaccount.com", **members):
    """Its path in the folder; no server has to know the account to sign with it."""
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        capture_output=True,
        text=True,
        check=True,
    )
    path = folder / "key.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"type": "service_account", "client_email": email, "private_key": made.stdout, **members}))
    return path

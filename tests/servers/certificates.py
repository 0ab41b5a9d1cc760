"""A certificate authority for tests, and certificates signed by it, made by openssl when a test needs them."""

import subprocess


class Authority:
    """A folder with ca.crt; certificate(…) adds a folder below it with public.crt and private.key, as MinIO wants them."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.key = folder / "ca.crt", folder / "ca.key"
        self._openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=cove test authority",
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            self.key,
            "-out",
            self.ca,
        )

    def certificate(self, name, subject="IP:127.0.0.1", days=1):
        """`subject`: whom it is for; `days`: how long it is valid, negative for one that is not any more."""
        made = self.folder / name
        made.mkdir()
        request, extensions = made / "request", made / "extensions"
        extensions.write_text(f"subjectAltName={subject}\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=cove test server", "-keyout", made / "private.key", "-out", request)
        self._openssl(
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            self.ca,
            "-CAkey",
            self.key,
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            extensions,
            "-out",
            made / "public.crt",
        )
        return made

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

"""What the tests of HDFS share: the probe and the command on a cluster, and what is really stored."""

import json
import subprocess
import urllib.parse
import urllib.request

import env

PROBE = env.build_dir() / "tests" / "probe" / "probe"
COVE = env.build_dir() / "cli" / "cove"


def pattern(size):
    """What the probe writes."""
    period = bytes(((i * 31 + (i >> 3) * 7) & 255) for i in range(4 * 251))
    return (period * (size // len(period) + 1))[:size]


def probe(options, verb, url, *args, out=None):
    """The outcome of one call."""
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    command = [PROBE, *flags, *(["-O", out] if out else []), verb, url, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rest(server, operation, path, method="GET", **query):
    """The response of WebHDFS, which sees what the NameNode has."""
    text = urllib.parse.urlencode({"op": operation, "user.name": "cove", **query})
    url = f"{server.url.replace('webhdfs', 'http')}/webhdfs/v1{urllib.parse.quote(path)}?{text}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as response:
        return response.read()


def names(server, path):
    return sorted(entry["pathSuffix"] for entry in json.loads(rest(server, "LISTSTATUS", path))["FileStatuses"]["FileStatus"])

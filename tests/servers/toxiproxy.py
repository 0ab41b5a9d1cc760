"""A toxiproxy for tests: a TCP proxy on loopback in front of another test server, with faults on demand."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env


class Toxiproxy:
    """with Toxiproxy("127.0.0.1:9000") as proxy: proxy.endpoint; proxy.toxic("limit_data", bytes=1000); proxy.enable(False)"""

    def __init__(self, upstream):
        self.upstream = upstream
        self.process = None
        self.toxics = 0

    def __enter__(self):
        self.ports = env.free_port(), env.free_port()
        self.endpoint = f"http://127.0.0.1:{self.ports[1]}"
        return self.start()

    def start(self):
        api, listen = self.ports
        self.api = f"http://127.0.0.1:{api}"
        self.process = subprocess.Popen(
            [env.server_binary("toxiproxy-server"), "-host", "127.0.0.1", "-port", str(api)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=env.clean(os.environ),
        )
        give_up = time.monotonic() + 30
        while True:
            try:
                self._call("POST", "/proxies", {"name": "p", "listen": f"127.0.0.1:{listen}", "upstream": self.upstream})
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > give_up:
                    self.__exit__()
                    raise
                time.sleep(0.05)

    def environ(self, server):
        """The environment of `server`, which this stands before, by way of here."""
        return {**server.environ, **server.leads_to(self.endpoint)}

    def restart(self):
        """Another one in its place: no toxics, no connections. Some toxics cannot be taken away while they hold data."""
        self.__exit__()
        return self.start()

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _call(self, method, path, value=None):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.api + path, data=body, method=method, headers={"User-Agent": "cove-test"})
        with opener.open(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def enable(self, on):
        self._call("POST", "/proxies/p", {"enabled": on})

    def toxic(self, kind, stream="downstream", toxicity=1.0, **attributes):
        """Adds one: latency, bandwidth, slow_close, timeout, reset_peer, slicer, limit_data. `toxicity`: the share of connections."""
        self.toxics += 1
        return self._call(
            "POST", "/proxies/p/toxics", {"name": f"{kind}-{self.toxics}", "type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        )["name"]

    def remove(self, name):
        """Takes one toxic away, by what toxic() returned."""
        self._call("DELETE", f"/proxies/p/toxics/{name}")

    def calm(self):
        """Takes all toxics away and lets connections through again."""
        self._call("POST", "/reset")

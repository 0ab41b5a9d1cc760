"""A proxy on loopback in front of a store. It records each request of a client and counts the bytes in each direction.

    with Counting(port) as proxy:       proxy.endpoint, proxy.environ(server)
        …
        proxy.count("PUT"), proxy.sent, proxy.received, proxy.asked
    proxy.refuse = lambda request: request.method == "PUT"      these get the response 403

As a program it forwards to a port. For each line that it reads, it prints its counts as one line of JSON:

    tests/servers/counting.py PORT
"""

import json
import socket
import sys
import threading
import urllib.parse
from collections import Counter, namedtuple

Request = namedtuple("Request", "method path query headers length")

HEAD_MAX = 64 << 10
BLOCK = 1 << 20
REFUSED = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s"
REFUSAL = b"<Error><Code>AccessDenied</Code><Message>refused by the test</Message></Error>"


def parse(head):
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(
        method, urllib.parse.unquote(path), dict(urllib.parse.parse_qsl(query, keep_blank_values=True)), headers, int(headers.get("content-length", 0))
    )


class Counting:
    def __init__(self, port):
        self.upstream = "127.0.0.1", port
        self.refuse = lambda request: False
        self.lock = threading.Lock()
        self.clear()

    def clear(self):
        """Forgets all counts."""
        with self.lock:
            self.requests, self.sent, self.received = [], 0, 0

    def count(self, method=None, **query):
        """How many requests there were: of a method, with these in their query."""
        with self.lock:
            return sum(method in (None, r.method) and query.items() <= r.query.items() for r in self.requests)

    @property
    def asked(self):
        """Bytes that GETs asked for by range; None: one of them asked for no range."""
        total = 0
        for request in list(self.requests):
            if request.method == "GET" and not request.path.endswith("/") and "list-type" not in request.query:
                first, _, last = request.headers.get("range", "").removeprefix("bytes=").partition("-")
                if not last:
                    return None
                total += int(last) + 1 - int(first) if first else int(last)
        return total

    def summary(self):
        return {
            "requests": len(self.requests),
            "methods": Counter(r.method for r in self.requests),
            "sent": self.sent,
            "received": self.received,
            "asked": self.asked,
        }

    def environ(self, server):
        """The environment of `server`, which this stands before, by way of here."""
        return {**server.environ, "AWS_ENDPOINT_URL": self.endpoint}

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.create_connection(self.upstream) as server:
            for end in client, server:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()
            try:
                self._forth(client, server)
            except OSError:
                pass
            for end in server, client:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _back(self, server, client):
        """The server's bytes as they come: which response they are of does not matter."""
        buffer = bytearray(BLOCK)
        try:
            while n := server.recv_into(buffer):
                client.sendall(memoryview(buffer)[:n])
                with self.lock:
                    self.received += n
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _forth(self, client, server):
        """The client's requests, separated by their lengths."""
        buffer = bytearray(BLOCK)
        have = b""
        while True:
            while (end := have.find(b"\r\n\r\n")) < 0:
                more = client.recv(HEAD_MAX)
                if not more or len(have) > HEAD_MAX:
                    return
                have += more
            request = parse(have[:end])
            refused = self.refuse(request)
            with self.lock:
                self.requests.append(request)
                self.sent += request.length
            end += 4
            if request.headers.get("transfer-encoding", "").lower() == "chunked":
                raise ValueError("a chunked request: this proxy does not read them")
            now = min(len(have) - end, request.length)
            if not refused:
                server.sendall(have[: end + now])
            have, left = have[end + now :], request.length - now
            while left and not (refused and "expect" in request.headers):
                n = client.recv_into(buffer, min(left, BLOCK))
                if not n:
                    return
                if not refused:
                    server.sendall(memoryview(buffer)[:n])
                left -= n
            if refused:
                body = b"" if request.method == "HEAD" else REFUSAL
                client.sendall(REFUSED % (len(body), body))
                return


def main():
    with Counting(int(sys.argv[1])) as proxy:
        print(proxy.endpoint, flush=True)
        for _ in sys.stdin:
            print(json.dumps(proxy.summary()), flush=True)
            proxy.clear()


if __name__ == "__main__":
    main()

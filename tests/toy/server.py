#!/usr/bin/env python3
"""The toy store: objects in memory behind five requests, with versions and conditions, on a free loopback port.

    PUT, GET, HEAD, DELETE /BUCKET/KEY          If-Match, If-None-Match: *, Range, x-toy-meta-NAME
    GET /BUCKET?prefix=P&after=K&max=N          a line an object: SIZE TIME ETAG KEY, the key percent-encoded;
                                                with &delimiter=/ a level: "0 0 / PREFIX" in place of what is below;
                                                "more K" as the last line, where the next page is after K
    PUT, DELETE /BUCKET; GET /                  makes and removes a bucket; the names of all, a line each

Uploads, for a backend that has them (toy_uploads.c):

    POST /BUCKET/KEY?session                    begins one; Location is its URL, and needs no other right. Conditions hold at
                                                the end, metadata are those of this request
    PUT /session/ID                             Content-Range: bytes A-B/* or A-B/TOTAL, or without bytes */* or */TOTAL: 308,
                                                with Range: bytes=0-LAST where anything is kept; or 200, the object is made
    DELETE /session/ID                          ends it: 499
    POST /BUCKET/KEY?compose                    makes it of other objects, a line each: VERSION KEY, the key percent-encoded; four
                                                at most. x-toy-size, x-toy-crc32c. If-Match, If-None-Match: *, metadata

Its versions are ETags, or with generations=True numbers: x-toy-generation, with the condition x-toy-if-generation, of which
0 is "there is no object".

As a program it runs a command beside a server, with COVE_TOY_ENDPOINT and the other variables of its mode in its environment:

    tests/toy/server.py [--bucket NAME] [--generations] [--uploads MODE] -- COMMAND ...
"""

import argparse
import collections
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

PAGE = 1000
SOURCES = 4  # of one compose
TEMPORARY = ".cove/uploads/"
CHUNK = 256 << 10  # what a session's chunks but the last are multiples of


def crc32c_table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ 0x82F63B78 * (n & 1)
        yield n


CRC32C = list(crc32c_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


class Object:
    """Its bytes, its metadata, and what identifies them."""

    def __init__(self, data, headers):
        self.data, self.headers, self.made = data, headers, time.time()
        self.version = '"' + hashlib.md5(data + repr((self.made, headers)).encode()).hexdigest() + '"'


class Session:
    """An upload under way: what it will make, and the bytes that are kept."""

    def __init__(self, objects, key, headers):
        self.objects, self.key, self.headers, self.data, self.made = objects, key, headers, b"", None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # a response leaves in one piece

    def log_message(self, *_):
        pass

    @property
    def buckets(self):
        return self.server.buckets

    def response(self, status, body=b"", headers=()):
        self.server.counts[self.command] += 1
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def refuse(self, status, code):
        self.response(status, code.encode() if self.command != "HEAD" else b"", [("x-toy-error", code)])

    def name(self):
        """(bucket, key, query); the key None where the path ends before one."""
        url = urlsplit(self.path)
        bucket, slash, key = url.path[1:].partition("/")
        query = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        return unquote(bucket), unquote(key) if slash else None, query

    def handle_request(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        bucket, key, query = self.name()
        with self.server.lock:
            self.seen()
            if bucket == "session":
                self.on_session(key, body)
            elif not bucket:
                self.response(200, "".join(f"{b}\n" for b in sorted(self.buckets)).encode())
            elif key is None:
                self.on_bucket(bucket, query)
            elif bucket not in self.buckets:
                self.refuse(404, "no-bucket")
            else:
                self.on_object(self.buckets[bucket], key, body, query)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def seen(self):
        self.server.requests.append(f"{self.command} {self.path} {self.headers.get('Content-Range', '')}".strip())

    def on_bucket(self, bucket, query):
        if self.command == "PUT":
            known = bucket in self.buckets
            self.buckets.setdefault(bucket, {})
            self.refuse(409, "bucket-is-yours") if known else self.response(200)
        elif bucket not in self.buckets:
            self.refuse(404, "no-bucket")
        elif self.command == "DELETE" and self.buckets[bucket]:
            self.refuse(409, "bucket-not-empty")
        elif self.command == "DELETE":
            del self.buckets[bucket]
            self.response(204)
        else:
            self.list(self.buckets[bucket], query)

    def list(self, objects, query):
        prefix, after, one_level = query.get("prefix", ""), query.get("after"), "delimiter" in query
        limit, lines, last = min(int(query.get("max", PAGE)), PAGE), [], None
        for key in sorted((k for k in objects if k.startswith(prefix)), key=str.encode):
            level, slash, _ = key[len(prefix) :].partition("/")
            entry = prefix + level + slash if one_level and slash else key
            if entry == last or (after is not None and entry.encode() <= after.encode()):
                continue
            if len(lines) == limit:
                lines.append(f"more {last}\n")
                break
            o, last = objects[key], entry
            what = "0 0 /" if entry != key or (one_level and slash) else f"{len(o.data)} {int(o.made)} {o.version}"
            lines.append(f"{what} {quote(entry, safe='')}\n")
        self.response(200, "".join(lines).encode())

    def make(self, data, headers):
        made = Object(data, headers)
        if self.server.generations:
            self.server.generations += 1
            made.version = str(self.server.generations)
        return made

    def version_of(self, o):
        return ("x-toy-generation" if self.server.generations else "ETag", o.version)

    def holds(self, there, headers=None):
        """Whether the request's condition does, if it has one."""
        headers = headers or self.headers
        if self.server.generations:
            wanted = headers.get("x-toy-if-generation")
            return wanted is None or wanted == (there.version if there else "0")
        match, none = headers.get("If-Match"), headers.get("If-None-Match")
        return not ((match is not None and (there is None or match != there.version)) or (none == "*" and there is not None))

    def on_object(self, objects, key, body, query):
        there = objects.get(key)
        if self.command == "POST" and "session" in query:
            self.begin_session(objects, key)
        elif not self.holds(there):
            self.refuse(412, "condition")
        elif key.startswith(TEMPORARY) and self.fault(self.command) is not None:
            self.refuse(403, "forbidden")
        elif self.command == "PUT" and key.startswith(TEMPORARY) and self.fault("busy"):
            objects[key] = self.make(body, self.kept_headers(self.headers))
            self.refuse(503, "busy")
        elif self.command == "POST" and "compose" in query:
            self.compose(objects, key, [line.split(" ") for line in body.decode().splitlines()])
        elif self.command == "PUT":
            objects[key] = self.make(body, self.kept_headers(self.headers))
            self.response(200, headers=[self.version_of(objects[key])])
        elif there is None:
            self.refuse(404, "no-object")
        elif self.command == "DELETE":
            del objects[key]
            self.response(204)
        else:
            self.send(there)

    def kept_headers(self, headers):
        return [(n, v) for n, v in headers.items() if n.lower().startswith("x-toy-meta-") or n.lower() == "content-type"]

    def fault(self, kind):
        """The argument of the next fault, if it is one of that kind."""
        faults = self.server.faults
        return faults.popleft()[1] if faults and faults[0][0] == kind else None

    def begin_session(self, objects, key):
        session_id = f"secret-{len(self.server.sessions)}"
        self.server.sessions[session_id] = Session(objects, key, self.headers)
        self.response(200, headers=[("Location", f"http://{self.headers['Host']}/session/{session_id}")])

    def compose(self, objects, key, sources):
        if not key.startswith(TEMPORARY) and self.fault("vanish"):
            del objects[unquote(sources[-1][1])]
        found = [objects.get(unquote(name)) for _, name in sources]
        if not 1 <= len(sources) <= SOURCES:
            self.refuse(400, "too-many-sources")
        elif any(o is None or o.version != version for o, (version, _) in zip(found, sources)):
            self.refuse(404, "no-object")
        else:
            made = objects[key] = self.make(b"".join(o.data for o in found), self.kept_headers(self.headers))
            checksum = crc32c(made.data) if self.server.checksums else 0
            target = not key.startswith(TEMPORARY)
            if target and self.fault("cut"):
                self.cut()
                return
            checksum ^= 1 if target and self.fault("corrupt") else 0
            sums = [("x-toy-crc32c", str(checksum))] if self.server.checksums else []
            self.response(200, headers=[self.version_of(made), ("x-toy-size", str(len(made.data))), *sums])

    def cut(self):
        """What was to be done is done, and its response does not come."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
        self.close_connection = True

    def on_session(self, session_id, body):
        session = self.server.sessions.get(session_id)
        span = re.fullmatch(r"bytes (\*|(\d+)-(\d+))/(\*|\d+)", self.headers.get("Content-Range") or "")
        if session and body and self.fault("lost"):
            session = self.server.sessions[session_id] = None
        if session is None:
            self.refuse(410, "no-session")
        elif self.command == "DELETE":
            self.server.sessions[session_id] = None
            self.response(499)
        elif self.command != "PUT" or span is None:
            self.refuse(400, "no-chunk")
        elif session.made:  # asked once more: the response was lost
            self.response(200, headers=[self.version_of(session.made)])
        else:
            self.on_chunk(session, body, span[2], None if span[4] == "*" else int(span[4]))

    def on_chunk(self, session, body, first, total):
        if first is not None and (int(first) != len(session.data) or (total is None and len(body) % CHUNK)):
            self.refuse(400, "no-chunk")
            return
        keep = self.fault("keep") if body else None
        busy = self.fault("busy") if body and keep is None else None
        refused = self.fault("refuse") if body and keep is None and busy is None else None
        dropped = self.fault("drop") if body and keep is None and busy is None and refused is None else None
        keep = 0 if refused is not None else dropped if dropped is not None else keep
        session.data += body if keep is None else body[:keep]
        if refused is not None:
            self.refuse(refused, "busy")
        elif dropped is not None:
            self.close_connection = True
        elif busy is not None:  # what it has kept, it does not say
            self.refuse(503, "busy")
        elif total != len(session.data):
            self.response(308, headers=[("Range", f"bytes=0-{len(session.data) - 1}")] if session.data else [])
        else:
            self.end_session(session)

    def end_session(self, session):
        if not self.holds(session.objects.get(session.key), session.headers):
            self.refuse(412, "condition")
            return
        session.made = session.objects[session.key] = self.make(session.data, self.kept_headers(session.headers))
        if self.fault("cut"):
            self.cut()
            return
        self.response(200, headers=[self.version_of(session.made)])

    def send(self, o):
        headers = [self.version_of(o), ("Last-Modified", formatdate(o.made, usegmt=True)), *o.headers]
        size = len(o.data)
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if self.command == "HEAD" or not wanted:
            self.response(200, o.data, [*headers, ("Content-Length", str(size))])
            return
        if not wanted[1]:  # a suffix: this store refuses it
            self.refuse(400, "no-suffix-ranges")
            return
        first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
        if first >= size:
            self.response(416, headers=[("Content-Range", f"bytes */{size}")])
            return
        self.response(206, o.data[first : last + 1], [*headers, ("Content-Range", f"bytes {first}-{last}/{size}")])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that leaves in the middle is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Toy:
    """with Toy(buckets=("b",)) as server: server.environ, server.counts (of requests by their method), server.requests

    faults: pairs of a kind and its argument, each of which happens once, in this order, to a chunk of a session: ("keep", N): only
    N bytes are kept; ("busy", 1): 503 after it was kept; ("refuse", STATUS): it is not kept; ("drop", N): N bytes are kept, and
    the connection ends without a response; ("lost", 1): there is no such session any more; ("cut", 1): the object is made, but the
    response does not come. Of temporary objects: ("PUT", 1), ("DELETE", 1): it is refused; ("busy", 1).
    Of the object that is composed of them: ("cut", 1); ("corrupt", 1): its checksum is another one; ("vanish", 1): one of them
    is gone.

    checksums: those of composed objects are in the responses. Computed here, so for small ones.
    """

    def __init__(self, buckets=(), generations=False, uploads="none", faults=(), block_size=8 << 20, checksums=False):
        self.http = Server(("127.0.0.1", 0), Handler)
        self.http.buckets = {name: {} for name in buckets}
        self.http.lock = threading.Lock()
        self.http.generations = 1000 if generations else 0  # the last one; 0: versions are ETags
        self.http.counts = self.counts = collections.Counter()
        self.http.requests = self.requests = []
        self.http.checksums = checksums
        self.http.sessions = {}  # by their IDs; None: ended or lost
        self.http.faults = self.faults = collections.deque(faults)
        self.environ = {
            "COVE_TOY_ENDPOINT": f"127.0.0.1:{self.http.server_port}",
            "COVE_TOY_GENERATIONS": str(generations).lower(),
            "COVE_TOY_UPLOADS": uploads,
            "COVE_TOY_BLOCK_SIZE": str(block_size),
        }

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


def main():
    parser = argparse.ArgumentParser(description="Run a command beside a toy store.")
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("--generations", action="store_true")
    parser.add_argument("--uploads", default="none")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with Toy(args.bucket, args.generations, args.uploads) as server:
        return subprocess.call(args.command, env={**os.environ, **server.environ})


if __name__ == "__main__":
    sys.exit(main())

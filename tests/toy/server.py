#!/usr/bin/env python3
"""The toy store: objects in memory behind five requests, with versions and conditions, on a free loopback port.

    PUT, GET, HEAD, DELETE /BUCKET/KEY          If-Match, If-None-Match: *, Range, x-toy-meta-NAME
    GET /BUCKET?prefix=P&after=K&max=N          a line an object: SIZE TIME ETAG KEY, the key percent-encoded;
                                                with &delimiter=/ a level: "0 0 / PREFIX" in place of what is below;
                                                "more K" as the last line, where the next page is after K
    PUT, DELETE /BUCKET; GET /                  makes and removes a bucket; the names of all, a line each

Its versions are ETags, or with generations=True numbers: x-toy-generation, with the condition x-toy-if-generation, of which
0 is "there is no object".

As a program it runs a command beside a server, with COVE_TOY_ENDPOINT and COVE_TOY_GENERATIONS in its environment:

    tests/toy/server.py [--bucket NAME] [--generations] -- COMMAND ...
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


class Object:
    """Its bytes, its metadata, and what identifies them."""

    def __init__(self, data, headers):
        self.data, self.headers, self.made = data, headers, time.time()
        self.version = '"' + hashlib.md5(data + repr((self.made, headers)).encode()).hexdigest() + '"'


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
            if not bucket:
                self.response(200, "".join(f"{b}\n" for b in sorted(self.buckets)).encode())
            elif key is None:
                self.on_bucket(bucket, query)
            elif bucket not in self.buckets:
                self.refuse(404, "no-bucket")
            else:
                self.on_object(self.buckets[bucket], key, body)

    do_GET = do_HEAD = do_PUT = do_DELETE = handle_request

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
            level, slash, _ = key[len(prefix):].partition("/")
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

    def holds(self, there):
        """Whether the request's condition does, if it has one."""
        if self.server.generations:
            wanted = self.headers.get("x-toy-if-generation")
            return wanted is None or wanted == (there.version if there else "0")
        match, none = self.headers.get("If-Match"), self.headers.get("If-None-Match")
        return not ((match is not None and (there is None or match != there.version)) or (none == "*" and there is not None))

    def on_object(self, objects, key, body):
        there = objects.get(key)
        if not self.holds(there):
            self.refuse(412, "condition")
        elif self.command == "PUT":
            kept = [(n, v) for n, v in self.headers.items()
                    if n.lower().startswith("x-toy-meta-") or n.lower() == "content-type"]
            objects[key] = self.make(body, kept)
            self.response(200, headers=[self.version_of(objects[key])])
        elif there is None:
            self.refuse(404, "no-object")
        elif self.command == "DELETE":
            del objects[key]
            self.response(204)
        else:
            self.send(there)

    def send(self, o):
        headers = [self.version_of(o), ("Last-Modified", formatdate(o.made, usegmt=True)), *o.headers]
        size = len(o.data)
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if self.command == "HEAD" or not wanted:
            self.response(200, o.data, [*headers, ("Content-Length", str(size))])
            return
        if not wanted[1]:  # a suffix: this store has none, and says so
            self.refuse(400, "no-suffix-ranges")
            return
        first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
        if first >= size:
            self.response(416, headers=[("Content-Range", f"bytes */{size}")])
            return
        self.response(206, o.data[first:last + 1], [*headers, ("Content-Range", f"bytes {first}-{last}/{size}")])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that leaves in the middle is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Toy:
    """with Toy(buckets=("b",)) as server: server.environ, server.counts (of requests by their method)"""

    def __init__(self, buckets=(), generations=False):
        self.http = Server(("127.0.0.1", 0), Handler)
        self.http.buckets = {name: {} for name in buckets}
        self.http.lock = threading.Lock()
        self.http.generations = 1000 if generations else 0  # the last one; 0: versions are ETags
        self.http.counts = self.counts = collections.Counter()
        self.environ = {"COVE_TOY_ENDPOINT": f"127.0.0.1:{self.http.server_port}", "COVE_TOY_GENERATIONS": str(generations).lower()}

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
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with Toy(args.bucket, args.generations) as server:
        return subprocess.call(args.command, env={**os.environ, **server.environ})


if __name__ == "__main__":
    sys.exit(main())

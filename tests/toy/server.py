#!/usr/bin/env python3
"""The toy store: objects in memory behind five requests, with ETags and conditions, on a free loopback port.

    PUT, GET, HEAD, DELETE /BUCKET/KEY          If-Match, If-None-Match: *, Range, x-toy-meta-NAME
    GET /BUCKET?prefix=P&after=K&max=N          a line an object: SIZE TIME ETAG KEY, the key percent-encoded;
                                                with &delimiter=/ a level: "0 0 / PREFIX" in place of what is below;
                                                "more K" as the last line, where the next page is after K
    PUT, DELETE /BUCKET; GET /                  makes and removes a bucket; the names of all, a line each

As a program it runs a command beside a server, with COVE_TOY_ENDPOINT in its environment:

    tests/toy/server.py [--bucket NAME] -- COMMAND ...
"""

import argparse
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
        self.etag = '"' + hashlib.md5(data + repr((self.made, headers)).encode()).hexdigest() + '"'


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
            what = "0 0 /" if entry != key or (one_level and slash) else f"{len(o.data)} {int(o.made)} {o.etag}"
            lines.append(f"{what} {quote(entry, safe='')}\n")
        self.response(200, "".join(lines).encode())

    def on_object(self, objects, key, body):
        there = objects.get(key)
        match, none = self.headers.get("If-Match"), self.headers.get("If-None-Match")
        if (match is not None and (there is None or match != there.etag)) or (none == "*" and there is not None):
            self.refuse(412, "condition")
        elif self.command == "PUT":
            kept = [(n, v) for n, v in self.headers.items()
                    if n.lower().startswith("x-toy-meta-") or n.lower() == "content-type"]
            objects[key] = Object(body, kept)
            self.response(200, headers=[("ETag", objects[key].etag)])
        elif there is None:
            self.refuse(404, "no-object")
        elif self.command == "DELETE":
            del objects[key]
            self.response(204)
        else:
            self.send(there)

    def send(self, o):
        headers = [("ETag", o.etag), ("Last-Modified", formatdate(o.made, usegmt=True)), *o.headers]
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


class Toy:
    """with Toy(buckets=("b",)) as server: server.endpoint"""

    def __init__(self, buckets=()):
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.buckets = {name: {} for name in buckets}
        self.http.lock = threading.Lock()
        self.endpoint = f"127.0.0.1:{self.http.server_port}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


def main():
    parser = argparse.ArgumentParser(description="Run a command beside a toy store.")
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with Toy(args.bucket) as server:
        return subprocess.call(args.command, env=dict(os.environ, COVE_TOY_ENDPOINT=server.endpoint))


if __name__ == "__main__":
    sys.exit(main())

"""The mock store behind a real socket on loopback, with faults on demand. Uses the standard library only.

The first fault that matches a request (fields `on`, `only_if`, `skip`, `times`, `share`) changes its response. Faults are data files; docs/testing.md
documents the fields.
"""

import random
import re
import socket
import struct
import threading

from store import Store, content

MAX_HEAD = 64 * 1024


class Fault:
    """One row of a case's `faults`: which responses it spoils, and how."""

    FIELDS = {
        "on",
        "only_if",
        "skip",
        "times",
        "share",
        "seed",  # which
        "status",
        "error",
        "headers",
        "body",
        "body_size",
        "raw",
        "close",
        "do_it",  # a response made up
        "meanwhile",  # what another writer puts there just before; null: it removes the object
        "key_errors",  # {key: code}: errors that DeleteObjects reports for these keys with status 200
        "append_meanwhile",  # what another writer adds there just before, where the store has appends
        "keeps",  # Google's: bytes of a resumable upload's chunk that are kept, however many came
        "spoils",  # Google's and Azure's: "cut" or "byte": the object that is made has the first 1,000 bytes only, or another byte, and is described so
        "loses",  # Google's: the status of a resumable upload that is lost with this request, 404 or 410
        "loses_blocks",  # Azure's: true: the blocks of the blob that no commit has named are gone
        "empty_page",  # Google's and Azure's: true: a page of a listing without entries, whose token leads to where it began
        "delay_ms",
        "slow_bytes",
        "corrupt",
        "length_off",
        "cut_after",
        "reset_after",
        "stall_after",  # how it is sent
    }

    def __init__(self, row):
        unknown = set(row) - self.FIELDS
        if unknown:
            raise ValueError(f"a fault has no field {', '.join(sorted(unknown))}")
        self.row = row
        self.skip = row.get("skip", 0)
        self.times = row.get("times", 1)  # -1: always
        self.share = row.get("share", 1)  # of those, by chance
        self.chance = random.Random(row.get("seed", 0))

    def takes(self, r):
        if self.times == 0 or not re.fullmatch(self.row.get("on", ".*"), r.operation):
            return False
        if not all(re.search(want, r.headers.get(name.lower(), "")) for name, want in self.row.get("only_if", {}).items()):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.share < 1 and self.chance.random() >= self.share:
            return False
        self.times -= self.times > 0
        return True


class MockServer:
    """with MockServer(objects, faults) as server: server.endpoint, server.requests (all that came, in order; of each: `status`, what it
    was answered, 0: nothing, and `beside`, how many were under way then, with itself)

    `kind` is the store: store.Store, which is S3's, or a class with its attributes Request and Response and its methods answer, error and put.
    """

    def __init__(self, objects=None, faults=(), buckets=("b",), ways=None, kind=Store):
        self.store = kind(objects or {}, buckets, ways or {})
        self.faults = [Fault(row) for row in faults]
        self.requests, self.troubles = [], []
        self.under_way = 0  # requests that have come and whose responses have not begun
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self._spawn(self._accept)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in list(self.threads):
            thread.join(10)

    def begin_faults(self, rows):
        """From now on these, instead of those before; `requests` are those that come from now on."""
        with self.lock:
            self.faults = [Fault(row) for row in rows]
            self.requests.clear()

    def count(self, operation):
        with self.lock:
            return sum(r.operation == operation for r in self.requests)

    def _spawn(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self._spawn(self._serve, connection)

    def _serve(self, connection):
        connection.settimeout(0.2)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pending = bytearray()
        try:
            while (request := self._read_request(connection, pending)) is not None:
                if not self._response(connection, request):
                    return
        except OSError:
            pass  # the client went away: its right
        except Exception as e:
            self.troubles.append(repr(e))
        finally:
            connection.close()

    def _more(self, connection, pending):
        """Waits for bytes; False at the end of the connection or of the server."""
        while not self.stopping.is_set():
            try:
                data = connection.recv(256 * 1024)
            except TimeoutError:
                continue
            pending += data
            return bool(data)
        return False

    def _read_request(self, connection, pending):
        while b"\r\n\r\n" not in pending:
            if len(pending) > MAX_HEAD:
                raise ValueError("a request's head is too long")
            if not self._more(connection, pending):
                return None
        head, _, _ = bytes(pending).partition(b"\r\n\r\n")
        del pending[: len(head) + 4]
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers, spelled = {}, {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
            spelled[name.strip().lower()] = name.strip()
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "transfer-encoding" in headers:
            raise ValueError("the mock takes no chunked request")
        length = int(headers.get("content-length", 0))
        while len(pending) < length:
            if not self._more(connection, pending):
                return None
        body = bytes(pending[:length])
        del pending[:length]
        request = self.store.Request(method, target, headers, unchunk(body) if "aws-chunked" in headers.get("content-encoding", "") else body)
        request.spelled = spelled
        return request

    def _response(self, connection, r):
        """Answers one request; False where the connection is to end."""
        with self.lock:
            self.requests.append(r)
            self.under_way += 1
            r.beside, r.status = self.under_way, 0
            fault = next((f.row for f in self.faults if f.takes(r)), {})
            r.fault, r.key_errors = fault, fault.get("key_errors", {})
            for path, spec in fault.get("meanwhile", {}).items():
                if spec is None:
                    self.store.drop(path)
                else:
                    self.store.put(path, content(spec))
            for path, text in fault.get("append_meanwhile", {}).items():
                self.store.add(path, text.encode())
            # A made-up response stands before the store, unless the store is to do its work all the same.
            made_up = not fault.keys().isdisjoint({"status", "error", "raw", "close"})
            response = self.store.answer(r) if not made_up or fault.get("do_it") else None
        # Before the first byte of the response: behind it the client may ask again.
        self.stopping.wait(fault.get("delay_ms", 0) / 1000)
        with self.lock:
            self.under_way -= 1
        if fault.get("close"):
            return False
        if "raw" in fault:
            connection.sendall(fault["raw"].encode("latin-1"))
            return False
        if made_up:
            response = made_up_response(self.store, r, fault)
            response.headers.update(self.store.ways.get("headers", {}))
        elif "body" in fault:
            response.body = fault["body"].encode()
        response.headers.update(fault.get("headers", {}))
        if "corrupt" in fault and response.body:
            spoiled = bytearray(response.body)
            spoiled[fault["corrupt"]] ^= 0x20
            response.body = bytes(spoiled)
        r.status = response.status
        return self._send(connection, fault, response)

    def _push(self, connection, data):
        """All of it, however late the client takes it: sendall would break off after the socket's timeout, and the client ask again."""
        left = memoryview(data)
        while left and not self.stopping.is_set():
            try:
                left = left[connection.send(left) :]
            except TimeoutError:
                continue

    def _send(self, connection, fault, response):
        head, body = response.bytes(fault.get("length_off", 0))
        data = head + body
        stop_at = next((len(head) + fault[k] for k in ("cut_after", "reset_after", "stall_after") if k in fault), None)
        if stop_at is not None:
            data = data[: max(stop_at, 0)]
        step = fault.get("slow_bytes", len(data) or 1)
        for i in range(0, len(data), step):
            self._push(connection, data[i : i + step])
            if step < len(data):
                self.stopping.wait(0.001)
        if "reset_after" in fault:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if "stall_after" in fault:
            self._more(connection, bytearray())  # nothing more is sent until the client gives up
        return stop_at is None and "length_off" not in fault


def made_up_response(store, r, fault):
    if "error" in fault:
        response = store.error(r, fault.get("status", 400), *fault["error"])
    else:
        response = store.Response(fault["status"], body=fault.get("body", "").encode(), head_only=r.method == "HEAD")
    if "body_size" in fault:
        response.body = (response.body + b"x" * fault["body_size"])[: fault["body_size"]]
    return response


def unchunk(body):
    """The payload of an aws-chunked body, signed or with a checksum behind it."""
    data, place = b"", 0
    while True:
        end = body.index(b"\r\n", place)
        size = int(body[place:end].split(b";")[0], 16)
        if size == 0:
            return data
        data += body[end + 2 : end + 2 + size]
        place = end + 2 + size + 2

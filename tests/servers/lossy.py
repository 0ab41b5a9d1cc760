"""A proxy for an HDFS that closes the connection in place of some responses, after the server has done what was asked for.

It stands before the NameNode, and before each DataNode that a redirect names, whose address it replaces with its own.
"""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Lossy:
    """with Lossy(server.port, ways) as proxy: `ways` decides what becomes of the response to each request.

    ways(operation, to_datanode) gives None (it arrives), "lost" (no byte of it), or a number (so many bytes of its body).
    """

    def __init__(self, port, ways):
        self.backend, self.ways = f"127.0.0.1:{port}", ways
        self.lost = []  # operations whose response did not arrive whole
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def forward(self):
                proxy.forward(self)

            do_GET = do_PUT = do_POST = do_DELETE = forward

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def forward(self, request):
        # A redirect's target is "/to/HOST:PORT/…".
        to_datanode = request.path.startswith("/to/")
        backend, target = request.path[4:].split("/", 1) if to_datanode else (self.backend, request.path[1:])
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(backend, timeout=60)
        connection.request(request.command, "/" + target, body or None, {"Content-Type": "application/octet-stream"} if body else {})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        operation = parse_qs(urlsplit(request.path).query)["op"][0]
        way = self.ways(operation, to_datanode) if response.status < 400 else None
        request.close_connection = True
        if way is not None:
            self.lost.append(operation)
        if way == "lost":
            return
        request.send_response(response.status)
        location = response.headers.get("Location")
        if location and location.startswith("http://"):
            location = f"http://127.0.0.1:{self.port}/to/{location[len('http://') :]}"
        for name, value in (("Location", location), ("Content-Type", response.headers.get("Content-Type"))):
            if value:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content if way is None else content[:way])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

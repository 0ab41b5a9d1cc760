"""A server on loopback that passes each request to a function of the test, which may respond, wait, or never respond."""

import http.server
import threading


class Stub:
    """with Stub(answer) as stub: stub.options are those of a Filesystem for it; `asked` is set once a request is there."""

    def __init__(self, answer):
        self.asked, self.free = threading.Event(), threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(handler):
                length = int(handler.headers.get("Content-Length") or 0)
                if handler.headers.get("Expect"):
                    handler.send_response_only(100)
                    handler.end_headers()
                handler.rfile.read(length)
                self.asked.set()
                answer(self, handler)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

            def log_message(handler, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "s3://bucket/key"
        self.options = {
            "endpoint_url": f"http://127.0.0.1:{self.server.server_port}",
            "key": "k",
            "secret": "s",
            "region": "us-east-1",
            "retries": "0",
            "read_timeout": "600",
        }

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()


def stall(stub, handler):
    """Never answers, as long as the test lasts."""
    stub.free.wait()
    handler.close_connection = True


def deny(stub, handler):
    """Answers 403 when the test allows it."""
    stub.free.wait()
    body = b"<Error><Code>AccessDenied</Code></Error>" if handler.command != "HEAD" else b""
    handler.send_response(403)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def corrupt(stub, handler):
    """Five bytes and the checksum of others."""
    handler.send_response(206 if handler.headers.get("Range") else 200)
    for name, value in {
        "Content-Length": "5",
        "Content-Range": "bytes 0-4/5",
        "ETag": '"e"',
        "x-amz-checksum-crc32c": "AAAAAA==",
        "x-amz-checksum-type": "FULL_OBJECT",
    }.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(b"hello")

"""A proxy for the RPC of a NameNode that closes the connection in place of some responses, after the server has done what was asked for."""

import socket
import struct
import threading


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _method(frame):
    """The name of the method that a request calls; None: it is no call."""
    size, at = _varint(frame, 0)
    at += size
    size, at = _varint(frame, at)
    if frame[at : at + 1] != b"\x0a":
        return None
    size, at = _varint(frame, at + 1)
    return frame[at : at + size].decode()


class LossyRPC:
    """with LossyRPC(port, loses) as proxy: loses(method) is called when a response has come, before it is passed on; True: it is lost.

    A connection has one call under way at a time, as cove's have.
    """

    def __init__(self, port, loses):
        self.backend, self.loses = port, loses
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self.backend)) as server:
                incoming, outgoing = client.makefile("rb"), server.makefile("rb")
                server.sendall(incoming.read(7))
                while (frame := self._frame(incoming)) is not None:
                    server.sendall(struct.pack(">I", len(frame)) + frame)
                    method = _method(frame)
                    if not method or method.startswith("org."):  # the context of the connection has no response
                        continue
                    response = self._frame(outgoing)
                    if response is None or self.loses(method):
                        return
                    client.sendall(struct.pack(">I", len(response)) + response)
        except OSError:  # the NameNode or the client is gone
            pass

    @staticmethod
    def _frame(stream):
        length = stream.read(4)
        return stream.read(struct.unpack(">I", length)[0]) if len(length) == 4 else None

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

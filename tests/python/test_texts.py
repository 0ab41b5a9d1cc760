"""Texts from a store that are not UTF-8, sent back to it: in RFC 9110 an ETag may have any byte from 0x80 on."""

import io

import pytest
from mocked import fs, mock, stored  # noqa: F401

from cove import PreconditionFailed

ETAG = '"\xff\xfe"'  # on the wire: headers are Latin-1
SEEN = '"\udcff\udcfe"'


@pytest.fixture(autouse=True)
def etags(mock, monkeypatch):
    """Each object has this ETag."""
    put = mock.store.put
    monkeypatch.setattr(mock.store, "put", lambda path, data, meta=None, etag=None: put(path, data, meta, ETAG))


def test_of_a_written_file(fs):
    with fs.open("b/a", "wb") as file:
        file.write(b"1")
    assert file.etag == SEEN == fs._fs.stat("b/a")[4]


def test_as_a_condition(fs, mock):
    fs.pipe("b/a", b"1")
    fs._fs.copy("b/a", "b/copy", SEEN)
    fs._fs.write_file("b/a", b"2", "match", SEEN)
    assert stored(mock) == {"b/a": b"2", "b/copy": b"1"}
    for call in (lambda: fs._fs.copy("b/a", "b/copy", '"\udcff"'), lambda: fs._fs.write_file("b/a", b"3", "match", '"\udcff"')):
        with pytest.raises(PreconditionFailed):
            call()
    fs._fs.remove_files(["b/copy"], [SEEN])
    assert stored(mock) == {"b/a": b"2"}


def test_a_content_type(fs, mock):
    fs._fs.write_file("b/a", b"1", content_type="text/\udcff")
    assert mock.store.objects["b/a"][2]["content-type"] == "text/\xff"


def test_other_values_are_refused(fs):
    for etag in 1, [], "\ud800":
        with pytest.raises((TypeError, UnicodeEncodeError)):
            fs._fs.copy("b/a", "b/c", etag)
        with pytest.raises((TypeError, UnicodeEncodeError)):
            fs._fs.write_file("b/a", b"1", etag=etag)
    with pytest.raises(ValueError):
        fs._fs.copy("b/a", "b/c", '"a\0b"')


def test_checkpoints(mock):
    torch = pytest.importorskip("torch")
    pytest.importorskip("lightning")
    import cove
    from cove.lightning import AsyncCoveCheckpointIO, CoveCheckpointIO

    cove.register()
    for kind in CoveCheckpointIO, AsyncCoveCheckpointIO:
        plugin = kind(endpoint_url=mock.endpoint, key="k", secret="s")
        with plugin.one_call():
            for name in "a", "b":
                plugin.save_checkpoint({"n": 1}, f"s3://b/{name}")
        plugin.teardown()
        assert torch.load(io.BytesIO(stored(mock)["b/b"])) == {"n": 1}
        assert [r.operation for r in mock.requests].count("CopyObject") == 1
        del mock.requests[:]

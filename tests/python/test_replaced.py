"""Files that another writer replaces while they are read: a call that has delivered no byte yet restarts on the new version."""

import io
import os
import threading

import pytest
from mocked import face, fs, mock  # noqa: F401

import cove

MIB = 1 << 20
OLD, NEW = {"size": 30 * MIB}, {"size": 31 * MIB, "seed": 1}


@pytest.fixture
def replaced(mock):
    """b/k, which is replaced before the third of the requests that read it."""
    from server import Fault
    from store import content

    mock.store.put("b/k", content(OLD))
    mock.faults.append(Fault({"on": "GetObject", "skip": 2, "meanwhile": {"b/k": NEW}}))
    return content(NEW)


@pytest.mark.parametrize("start, end", [(None, None), (0, 100 * MIB), (1, None)])
def test_bytes(face, replaced, start, end):
    assert face.cat_file("b/k", start=start, end=end) == replaced[start:end]


def test_many(fs, replaced):
    assert fs._fs.read_many(["b/k"]) == [replaced]


def test_downloads(face, replaced, tmp_path):
    face.get_file("b/k", str(tmp_path / "k"))
    assert (tmp_path / "k").read_bytes() == replaced
    assert os.listdir(tmp_path) == ["k"]


def test_an_open_file_raises(fs, replaced):
    with fs.open("b/k", "rb") as f, pytest.raises(cove.PreconditionFailed):
        while f.read(MIB):
            pass


@pytest.fixture
def replaced_late(mock):
    """b/k, whose end is refused as if it had been replaced."""
    from server import Fault
    from store import content

    mock.store.put("b/k", content(OLD))
    late = {"on": "GetObject", "only_if": {"Range": r"^bytes=(2[5-9]|3\d)\d{6}-"}, "status": 412, "error": ["PreconditionFailed"]}
    mock.faults.append(Fault(late))


def test_no_restart_after_a_byte_was_delivered(fs, replaced_late, tmp_path):
    with open(tmp_path / "k", "wb") as f, pytest.raises(cove.PreconditionFailed):
        fs.get_file("b/k", outfile=f)


def test_a_restart_before_a_byte_was_delivered(fs, mock):
    from server import Fault
    from store import content

    mock.store.put("b/k", content(OLD))
    second = {"on": "GetObject", "only_if": {"Range": "^bytes=65536-"}, "meanwhile": {"b/k": NEW}}  # of the bytes that are wanted first
    mock.faults.append(Fault(second))
    got = io.BytesIO()
    fs.get_file("b/k", outfile=got)
    assert got.getvalue() == content(NEW)


def test_no_restart_after_a_pipe_received_bytes(fs, replaced_late, tmp_path):
    from store import content

    os.mkfifo(tmp_path / "p")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "p").read_bytes()))
    reader.start()
    with pytest.raises(cove.PreconditionFailed):
        fs.get_file("b/k", str(tmp_path / "p"))
    reader.join(60)
    assert 0 < len(got[0]) < OLD["size"] and content(OLD).startswith(got[0])

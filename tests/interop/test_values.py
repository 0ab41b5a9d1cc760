"""Compares values with torch.load(weights_only=True): keys, large ints, strings, sets, protocols, nesting, and saving again.
`ckpt_tool` is the C side."""

import pickle
import pickletools
import struct

import pytest
import torch

from test_torch import plain, shown, tool, url  # noqa: F401 (tool is a fixture)


def pickle_of(value, protocol):
    return pickle.dumps(value, protocol=protocol)


def write(path, data):
    """A torch archive with this pickle."""
    writer = torch.PyTorchFileWriter(str(path))
    writer.write_record("data.pkl", data, len(data))
    writer.write_record("byteorder", b"little", 6)
    del writer


def both(tool, path):
    """What torch reads; checks that cove reads the same, and that torch reads the same from cove's copy."""
    value = torch.load(path, weights_only=True)
    assert shown(tool("show", url(path))) == plain(value)
    tool("copy", url(path), url(f"{path}.again"))
    assert repr(torch.load(f"{path}.again", weights_only=True)) == repr(value)
    return value


KEYS = [
    None, True, False, 0.5, -0.0, 2, -(2**63), 2**64, -(2**70), 1e300, float("inf"), "x", "a\0b", "", b"x", (), (1, (2.5, ("x", None))),
    (True,), "1", "True", "\ud800", ((), ()),
]  # fmt: skip


def test_keys(tool, tmp_path):
    torch.save({key: i for i, key in enumerate(KEYS)}, tmp_path / "k.pt")
    value = both(tool, tmp_path / "k.pt")
    assert list(value) == [key for i, key in enumerate(KEYS) if key not in KEYS[:i]]


def test_one_of_each_key(tool, tmp_path):
    for i, key in enumerate(KEYS):
        torch.save({"d": {key: [i]}}, tmp_path / "k.pt")
        both(tool, tmp_path / "k.pt")


def short_string(text):
    return b"U" + bytes([len(text)]) + text


EQUAL = [
    [b"\x88", b"K\x01", b"G" + struct.pack(">d", 1.0)],
    [b"G" + struct.pack(">d", -0.0), b"K\x00", b"\x89"],
    [b"\x8a\x09" + (2**64).to_bytes(9, "little"), b"G" + struct.pack(">d", 2.0**64)],
    [b"G" + struct.pack(">d", -(2.0**64)), b"\x8a\x09" + (-(2**64)).to_bytes(9, "little", signed=True)],
    [b"G" + struct.pack(">d", -(2.0**63)), b"\x8a\x08" + (-(2**63)).to_bytes(8, "little", signed=True)],
    [b"\x8a\x08" + (2**53 + 1).to_bytes(8, "little"), b"G" + struct.pack(">d", 2.0**53)],  # close, but not equal
    [b"K\x01K\x00\x86", b"\x88\x89\x86", b"G" + struct.pack(">d", 1.0) + b"K\x00\x86"],
    [b"G" + struct.pack(">d", float("nan"))] * 3,
    [b"X\x01\x00\x00\x00a", short_string(b"a"), b"U\x02\xc3\xa9"],
]


@pytest.mark.parametrize("keys", EQUAL)
@pytest.mark.parametrize("before", [0, 40])  # with and without an index
def test_equal_keys(tool, tmp_path, keys, before):
    items = b"".join(b"M" + struct.pack("<H", 1000 + i) + b"N" for i in range(before))
    items += b"".join(key + b"K" + bytes([i]) for i, key in enumerate(keys))
    write(tmp_path / "k.pt", b"\x80\x02}(" + items + b"u.")
    both(tool, tmp_path / "k.pt")


@pytest.mark.parametrize("bits", [62, 63, 64, 65, 71, 72, 127, 128, 1000, 2030])
def test_large_ints(tool, tmp_path, bits):
    numbers = [sign * (2**bits + d) for sign in (1, -1) for d in (-1, 0, 1)]
    torch.save({"n": numbers, **dict.fromkeys(numbers, 0)}, tmp_path / "n.pt")
    both(tool, tmp_path / "n.pt")


def test_ints_that_torch_cannot_read(tool, tmp_path):
    torch.save([2**5000], tmp_path / "n.pt")
    assert shown(tool("show", url(tmp_path / "n.pt"))) == plain([2**5000])
    tool("copy", url(tmp_path / "n.pt"), url(tmp_path / "m.pt"))
    assert torch.load(tmp_path / "m.pt", weights_only=False) == [2**5000]


def test_strings(tool, tmp_path):
    strings = ["\ud800", "a\udfffb", "\udc00\ud800", "\U0010ffff", "\0", "\x7f\x80", "é"]
    torch.save(strings, tmp_path / "s.pt")
    assert both(tool, tmp_path / "s.pt") == strings


def in_any_order(sets):
    """The order of a loaded set may differ from that of the saved one, which is the file's: it follows from hashes."""
    return {name: sorted(items["list"], key=repr) for name, items in sets["dict"]}


def test_sets(tool, tmp_path):
    torch.save({"s": {3, 1, "2"}, "f": frozenset({4})}, tmp_path / "s.pt")
    torch.save({"s": {3, 1, "2"}, "f": frozenset({4})}, tmp_path / "s4.pt", pickle_protocol=4)
    for path in (tmp_path / "s.pt", tmp_path / "s4.pt"):
        assert in_any_order(shown(tool("show", url(path)))) == in_any_order(plain(torch.load(path, weights_only=False)))


def test_repeats_in_sets(tool, tmp_path):
    for items in ([1, 1.0, True], [-0.0, 0.0, "x", "x"], [(1, 2), (1.0, 2)], list(range(5000)) * 2):
        for name in (b"set", b"frozenset"):
            data = pickletools.optimize(pickle_of(items, 2))
            write(tmp_path / "s.pt", b"\x80\x02c__builtin__\n" + name + b"\n" + data[2:-1] + b"\x85R.")
            first = [item for i, item in enumerate(items) if item not in items[:i]]
            assert shown(tool("show", url(tmp_path / "s.pt"))) == plain(first)


PLAIN = {"a": [1, 2.5, None, "x", {}], "b": (1, (2,), ()), 7: {"n": -1}}


@pytest.mark.parametrize("value", [PLAIN, {"bool": True, "long": 2**40, "long1": 2**100, "b": b"x", **PLAIN}])
@pytest.mark.parametrize("protocol", range(6))
def test_protocols(tool, tmp_path, protocol, value):
    """What torch reads of a protocol, cove reads with the same values; and all of protocols 3 to 5."""
    torch.save({"t": torch.arange(3), **value}, tmp_path / "p.pt", pickle_protocol=protocol)
    write(tmp_path / "bare.pt", pickle_of(value, protocol))
    for path in (tmp_path / "p.pt", tmp_path / "bare.pt"):
        try:
            torch.load(path, weights_only=True)
        except Exception:
            if protocol < 2:
                tool("show", url(path), fails="COVE_ENOTSUP")
            else:
                assert shown(tool("show", url(path))) == plain(torch.load(path, weights_only=False))
        else:
            both(tool, path)


def test_deep(tool, tmp_path):
    for inner, depth in ((1, 999), (1, 1000), ([], 999)):
        value = inner
        for i in range(depth):
            value = ([value], (value,), {"k": value})[i % 3]
        deep = b"".join((b"]", b"(", b"}X\x01\x00\x00\x00k")[i % 3] for i in reversed(range(depth)))
        ends = b"".join((b"a", b"t", b"s")[i % 3] for i in range(depth))
        write(tmp_path / "d.pt", b"\x80\x02" + deep + (b"]" if inner == [] else b"K\x01") + ends + b".")
        if depth == 999:
            tool("show", url(tmp_path / "d.pt"))
            tool("copy", url(tmp_path / "d.pt"), url(tmp_path / "e.pt"))
            again = torch.load(tmp_path / "e.pt", weights_only=True)
            for i in reversed(range(depth)):
                again = again["k" if i % 3 == 2 else 0]
            assert again == inner
        else:
            tool("show", url(tmp_path / "d.pt"), fails="COVE_ELIMIT")


def test_shared_stays_shared(tool, tmp_path):
    shared = {"t": torch.arange(4.0), "l": [1, "x" * 1000]}
    torch.save({"a": shared, "b": [shared, shared["l"]], "t": shared["t"], "n": (shared["t"],) * 500}, tmp_path / "s.pt")
    both(tool, tmp_path / "s.pt")
    again = torch.load(tmp_path / "s.pt.again", weights_only=True)
    assert again["a"] is again["b"][0] and again["a"]["l"] is again["b"][1] and again["a"]["t"] is again["t"]
    assert all(t is again["t"] for t in again["n"])
    assert (tmp_path / "s.pt.again").stat().st_size < 6000

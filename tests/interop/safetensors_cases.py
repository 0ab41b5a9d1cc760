"""Hundreds of valid and invalid safetensors files: handmade edge cases, and random ones from a seed."""

import json
import random
import struct

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F8_E8M0": 8, "F4": 4,
}  # fmt: skip
OTHER_DTYPES = ["F6_E2M3", "F6_E3M2", "C128", "F128", "I4", "f32", "", "F32 ", "BOOL\x00"]
NAMES = ["weight", "", " ", "a.b.c", "grüß", "\U0001f40d", "a\tb", 'quo"te', "back\\slash", "/", "\x7f", "\u2028", "__metadata", "\x1b[31m", "k" * 5000]
PAYLOAD = bytes(range(1, 17))


def count_of(shape):
    count = 1
    for length in shape:
        count *= length
    return count


def file_of(header, data=b"", length=None):
    """`header`: a value for JSON, or the bytes themselves."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(4,), offsets=(0, 16), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def raw(tensor, before=b"{", after=b"}", data=PAYLOAD):
    """A file with one tensor, given as JSON text."""
    return file_of(before + tensor + after, data)


A = b'"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'


def dtypes():
    for dtype, bits in BITS.items():
        for shape in ([], [0], [1], [2], [3], [2, 3], [3, 2], [4, 0, 2], [1, 1, 1, 2]):
            size = (count_of(shape) * bits + 7) // 8
            data = bytes(i % 2 if dtype == "BOOL" else i + 1 for i in range(size))
            yield f"dtype {dtype} {shape}", file_of({"t": entry(dtype, shape, [0, size])}, data)
    yield "bools of any byte", file_of({"t": entry("BOOL", [16], [0, 16])}, bytes(range(16)))
    for dtype in OTHER_DTYPES:
        yield f"dtype {dtype!r}", file_of({"t": entry(dtype, [4], [0, 16])}, PAYLOAD)
        yield f"dtype {dtype!r} of nothing", file_of({"t": entry(dtype, [0], [0, 0])})
    for size in (2, 3):
        yield f"F6 in {size} bytes", file_of({"t": entry("F6_E2M3", [4], [0, size])}, bytes(size))
    for dtype in (None, 5, ["F32"], {"F32": None}):
        yield f"dtype {dtype!r}", file_of({"t": {**entry(), "dtype": dtype}}, PAYLOAD)


def lengths():
    for length in (0, 1, 2, 7, 50, 100, 10**8, 10**8 + 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1):
        yield f"header of {length} bytes", file_of({"a": entry()}, PAYLOAD, length)
    for size in range(11):
        yield f"cut to {size} bytes", file_of({"a": entry()}, PAYLOAD)[:size]
    whole = file_of({"a": entry()}, PAYLOAD)
    for size in (len(whole) - 17, len(whole) - 16, len(whole) - 1):
        yield f"cut before its end by {len(whole) - size}", whole[:size]
    yield "one byte more", whole + b"x"
    yield "no tensors", file_of({})
    yield "no tensors, and a byte", file_of({}, b"x")
    yield "no header", file_of(b"", b"", 0)


def texts():
    for name, tensor in {
        "plain": A,
        "spaces within": A.replace(b":", b" : ").replace(b",", b"\n,\t"),
        "comment": b"/*x*/" + A,
        "trailing comma": A + b",",
        "leading comma": b"," + A,
        "no comma": A + A.replace(b'"a"', b'"b"'),
        "single quotes": A.replace(b'"', b"'"),
        "no value": b'"a"',
        "no key": b'{"dtype":"F32"}',
        "duplicate": A + b"," + A,
        "duplicate, written otherwise": A + b"," + A.replace(b'"a"', b'"\\u0061"'),
        "duplicate key within": A.replace(b"{", b'{"dtype":"I32",'),
        "duplicate offsets within": A.replace(b"{", b'{"data_offsets":[0,16],'),
        "name that is not UTF-8": A.replace(b'"a"', b'"\xff"'),
        "name of overlong UTF-8": A.replace(b'"a"', b'"\xc0\xaf"'),
        "name of a raw surrogate": A.replace(b'"a"', b'"\xed\xa0\x80"'),
        "name with a raw control": A.replace(b'"a"', b'"a\x01"'),
        "name with a raw newline": A.replace(b'"a"', b'"a\n"'),
        "name with a raw NUL": A.replace(b'"a"', b'"a\x00b"'),
        "name with a NUL": A.replace(b'"a"', b'"a\\u0000b"'),
        "name of a high surrogate": A.replace(b'"a"', b'"\\ud800"'),
        "name of a low surrogate": A.replace(b'"a"', b'"\\udc00"'),
        "name of two high surrogates": A.replace(b'"a"', b'"\\ud800\\ud800"'),
        "name of a pair": A.replace(b'"a"', b'"\\ud83d\\udc0d"'),
        "name with escapes": A.replace(b'"a"', b'"\\/\\b\\f\\n\\r\\t\\"\\\\"'),
        "name with an unknown escape": A.replace(b'"a"', b'"\\x41"'),
        "name with a short escape": A.replace(b'"a"', b'"\\u41"'),
        "name of U+FFFF": A.replace(b'"a"', b'"\\uffff"'),
        "null": b'"a":null',
        "list": b'"a":["F32",[4],[0,16]]',
        "number": b'"a":5',
        "NaN": b'"a":NaN',
        "true": b'"a":true',
        "no dtype": b'"a":{"shape":[4],"data_offsets":[0,16]}',
        "no shape": b'"a":{"dtype":"F32","data_offsets":[0,16]}',
        "no offsets": b'"a":{"dtype":"F32","shape":[4]}',
        "one key more": A.replace(b"{", b'{"more":1,'),
        "one key more, of depth": A.replace(b"{", b'{"more":{"x":[1,2,{"y":null}]},'),
        "one key more, of a large number": A.replace(b"{", b'{"more":1e999,'),
        "one key more, of a huge integer": A.replace(b"{", b'{"more":123456789012345678901234567890,'),
        "one key more, NaN": A.replace(b"{", b'{"more":NaN,'),
        "one key more, of a lone surrogate": A.replace(b"{", b'{"more":"\\ud800",'),
        "one key more, of a NUL": A.replace(b"{", b'{"more":"\\u0000",'),
        "one key more, with a NUL": A.replace(b"{", b'{"m\\u0000":1,'),
        "one key more, twice": A.replace(b"{", b'{"more":1,"more":2,'),
        "one key more, 100 deep": A.replace(b"{", b'{"more":' + b"[" * 100 + b"]" * 100 + b","),
        "one key more, 1000 deep": A.replace(b"{", b'{"more":' + b"[" * 1000 + b"]" * 1000 + b","),
        "one key more, 100000 deep": A.replace(b"{", b'{"more":' + b"[" * 100000 + b"]" * 100000 + b","),
        "keys in another order": b'"a":{"data_offsets":[0,16],"shape":[4],"dtype":"F32"}',
        "dtype with escapes": A.replace(b"F32", b"\\u004633\\u0032"[:6] + b"32"),
    }.items():
        yield f"text: {name}", raw(tensor)
    for name, before, after in (
        ("spaces before", b"  {", b"}"),
        ("newline before", b"\n{", b"}"),
        ("byte order mark", b"\xef\xbb\xbf{", b"}"),
        ("spaces after", b"{", b"}   "),
        ("white space after", b"{", b"}\n\t\r "),
        ("NULs after", b"{", b"}\0\0\0"),
        ("letters after", b"{", b"}xx"),
        ("two objects", b"{", b"}{}"),
        ("not closed", b"{", b""),
        ("a list", b"[{", b"}]"),
        ("closed twice", b"{", b"}}"),
        ("cut in a string", b"{", b',"b'),
    ):
        yield f"text: {name}", raw(A, before, after)
    yield "text: UTF-16", file_of(("{" + A.decode() + "}").encode("utf-16"), PAYLOAD)
    for text in (b"[]", b'"x"', b"12", b"null", b"  ", b"{}  ", b"{ }", b"{]", b"\0\0"):
        yield f"text: {text!r}", file_of(text)


def numbers():
    for text in ("-1", "-0", "4.0", "4e0", "04", "+4", "0x4", "true", "null", '"4"', "[4]", "4,", "", "18446744073709551615", "18446744073709551616",
                 "9223372036854775807", "9223372036854775808", "99999999999999999999999", "-9223372036854775809", "Infinity", "1e400"):  # fmt: skip
        yield f"length {text}", raw(A.replace(b"[4]", f"[{text}]".encode()))
        yield f"end {text}", raw(A.replace(b",16]", f",{text}]".encode()))
        yield f"begin {text}", raw(A.replace(b"[0,", f"[{text},".encode()))
    for name, shape, size in (
        ("none", [0, 2**62], 0),
        ("none, over 64 bits", [0, 2**40, 2**40], 0),
        ("none, at the end", [2**40, 2**40, 0], 0),
        ("wraps to nothing", [2**32, 2**32], 0),
        ("wraps to 4", [2**62, 4], 16),
        ("wraps in bytes", [2**62], 0),
        ("64 dimensions", [1] * 63 + [4], 16),
        ("65 dimensions", [1] * 64 + [4], 16),
        ("1000 dimensions", [1] * 1000, 4),
    ):
        yield f"shape: {name}", file_of({"a": entry("F32", shape, [0, size])}, PAYLOAD[:size])
    for offsets in ([16, 0], [0, 15], [0, 17], [0, 12], [1, 17], [0], [], [0, 16, 16], [[0, 16]], None, {"0": 16}, "0,16"):
        yield f"offsets {offsets}", file_of({"a": {**entry(), "data_offsets": offsets}}, PAYLOAD)


def layouts():
    pair = PAYLOAD + PAYLOAD
    for name, header, data in (
        ("two", {"a": entry(), "b": entry(offsets=[16, 32])}, pair),
        ("backwards", {"b": entry(offsets=[16, 32]), "a": entry()}, pair),
        ("the same bytes", {"a": entry(), "b": entry()}, PAYLOAD),
        ("overlap", {"a": entry(), "b": entry(offsets=[8, 24])}, PAYLOAD + PAYLOAD[:8]),
        ("hole", {"a": entry(), "b": entry(offsets=[20, 36])}, pair + PAYLOAD[:4]),
        ("hole before", {"a": entry(offsets=[4, 20])}, pair[:20]),
        ("hole after", {"a": entry()}, PAYLOAD + b"\0"),
        ("unaligned", {"a": entry("U8", [1], [0, 1]), "b": entry("F64", [2], [1, 17])}, b"\1" + PAYLOAD),
        ("nothing between", {"a": entry(), "n": entry(shape=[0], offsets=[16, 16]), "b": entry(offsets=[16, 32])}, pair),
        ("nothing first", {"n": entry(shape=[0], offsets=[0, 0]), "a": entry()}, PAYLOAD),
        ("nothing last", {"a": entry(), "n": entry(shape=[0], offsets=[16, 16])}, PAYLOAD),
        ("nothing within", {"a": entry(), "n": entry(shape=[0], offsets=[8, 8])}, PAYLOAD),
        ("nothing beyond", {"a": entry(), "n": entry(shape=[0], offsets=[17, 17])}, PAYLOAD),
        ("nothing twice", {"n": entry(shape=[0], offsets=[0, 0]), "m": entry(shape=[2, 0], offsets=[0, 0])}, b""),
        ("many", {f"t{i}": entry("U8", [1], [i, i + 1]) for i in range(3000)}, bytes(i % 251 for i in range(3000))),
    ):
        yield f"layout: {name}", file_of(header, data)


def metadata():
    for name, text in (
        ("none", b"{}"),
        ("strings", b'{"format":"pt","k":"v"}'),
        ("escapes", b'{"\\u00e4\\n":"\\"\\\\ \\ud83d\\udc0d"}'),
        ("empty key", b'{"":""}'),
        ("number", b'{"k":1}'),
        ("null", b'{"k":null}'),
        ("true", b'{"k":true}'),
        ("list", b'{"k":["v"]}'),
        ("object", b'{"k":{"l":"v"}}'),
        ("itself null", b"null"),
        ("itself a list", b"[]"),
        ("itself a string", b'"pt"'),
        ("itself a tensor", A[4:]),
        ("duplicate", b'{"k":"1","k":"2"}'),
        ("NUL in a value", b'{"k":"a\\u0000b"}'),
        ("NUL in a key", b'{"k\\u0000":"v"}'),
        ("lone surrogate in a value", b'{"k":"\\udfff"}'),
        ("not UTF-8", b'{"k":"\xff"}'),
        ("raw control", b'{"k":"a\x02"}'),
        ("large", json.dumps({"k": "v" * 300000, **{f"key {i}": "x" for i in range(2000)}}).encode()),
        ("trailing comma", b'{"k":"v",}'),
    ):
        yield f"metadata: {name}", raw(A, b'{"__metadata__":' + text + b",")
        yield f"metadata alone: {name}", file_of(b'{"__metadata__":' + text + b"}")
    yield "metadata: last", raw(A, b"{", b',"__metadata__":{"k":"v"}}')
    yield "metadata: twice", raw(A, b'{"__metadata__":{"k":"1"},"__metadata__":{"k":"2"},')
    yield "metadata: escaped key", raw(A, b'{"__meta\\u0064ata__":{"k":"v"},')


def by_chance(seed, count):
    """Valid files of random tensors, and as many with one random change in the header."""
    random_ = random.Random(seed)
    for number in range(count):
        header, data = {}, b""
        if random_.random() < 0.4:
            header["__metadata__"] = {random_.choice(NAMES): random_.choice(NAMES) for _ in range(random_.randrange(4))}
        names = random_.sample(NAMES, random_.randrange(1, 6))
        for name in names:
            dtype = random_.choice(list(BITS))
            shape = [random_.choice((0, 1, 1, 2, 3, 4, 6)) for _ in range(random_.randrange(5))]
            if BITS[dtype] == 4:
                shape.append(2 * random_.randrange(3))
            size = count_of(shape) * BITS[dtype] // 8
            bits = random_.randbytes(size)
            header[name] = entry(dtype, shape, [len(data), len(data) + size])
            data += bytes(byte & 1 for byte in bits) if dtype == "BOOL" else bits
        order = list(header.items())
        random_.shuffle(order)
        text = json.dumps(dict(order), ensure_ascii=random_.random() < 0.5, indent=random_.choice((None, 1))).encode() + b" " * random_.randrange(9)
        yield f"chance {number}", file_of(text, data)
        changed = bytearray(text)
        for _ in range(random_.randrange(1, 3)):
            at = random_.randrange(len(changed))
            how = random_.randrange(4)
            if how == 0:
                changed[at] = random_.choice(b'{}[]",:0123456789-ae\\u \x00\xff')
            elif how == 1:
                del changed[at]
            elif how == 2:
                changed.insert(at, random_.choice(b'{}[]",:0123456789-'))
            else:
                digits = [i for i, byte in enumerate(changed) if byte in b"0123456789"]
                changed[random_.choice(digits)] = random_.choice(b"0123456789")
        yield f"chance {number}, changed", file_of(bytes(changed), data)


def all_cases(seed=18, count=150):
    for make in (dtypes, lengths, texts, numbers, layouts, metadata):
        yield from make()
    yield from by_chance(seed, count)

"""Handmade pickles, for test_generated.py: no writer produces them, but torch's weights-only unpickler accepts or refuses each."""

import random
import struct
import zipfile
from dataclasses import dataclass, field


@dataclass
class Pickle:
    name: str
    ops: list  # of bytes, each an opcode with its operand
    records: dict = field(default_factory=dict)  # added to the usual ones; None removes one

    def write(self, path):
        """The file in the layout of torch.save, made with Python's zipfile."""
        records = {"data.pkl": b"".join(self.ops), "byteorder": b"little", "data/0": struct.pack("<12f", *range(12)), "data/1": bytes(range(8)), "version": b"3\n", **self.records}
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in records.items():
                if data is not None:
                    archive.writestr(f"archive/{name}", data)


# ---- the assembler ----

PROTO, STOP, MARK, NONE, TRUE, FALSE = b"\x80\x02", b".", b"(", b"N", b"\x88", b"\x89"
POP, POP_MARK, DUP, LIST, DICT = b"0", b"1", b"2", b"l", b"d"
EMPTY_LIST, EMPTY_TUPLE, EMPTY_DICT, EMPTY_SET = b"]", b")", b"}", b"\x8f"
APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS = b"a", b"e", b"s", b"u", b"\x90"
TUPLE, TUPLE1, TUPLE2, TUPLE3, FROZENSET = b"t", b"\x85", b"\x86", b"\x87", b"\x91"
REDUCE, BUILD, NEWOBJ, PERSID, MEMOIZE, STACK_GLOBAL = b"R", b"b", b"\x81", b"Q", b"\x94", b"\x93"
BINARY = [MARK, NONE, TRUE, FALSE, POP, POP_MARK, DUP, LIST, DICT, EMPTY_LIST, EMPTY_TUPLE, EMPTY_DICT, EMPTY_SET, APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS, TUPLE,
          TUPLE1, TUPLE2, TUPLE3, FROZENSET, REDUCE, BUILD, NEWOBJ, PERSID, MEMOIZE, STACK_GLOBAL, STOP]


def int1(n):
    return b"K" + bytes([n])


def int2(n):
    return b"M" + struct.pack("<H", n)


def int4(n):
    return b"J" + struct.pack("<i", n)


def long1(n, size=None):
    data = n.to_bytes(size if size is not None else n.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def long4(n, size):
    return b"\x8b" + struct.pack("<i", size) + n.to_bytes(size, "little", signed=True)


def real(x):
    return b"G" + struct.pack(">d", x)


def text(s):
    data = s.encode("utf-8", "surrogatepass") if isinstance(s, str) else s
    return b"X" + struct.pack("<I", len(data)) + data


def short(s):
    """Python 2's str."""
    return b"U" + bytes([len(s)]) + s


def put(n):
    return b"q" + bytes([n]) if n < 256 else b"r" + struct.pack("<I", n)


def long_put(n):
    return b"r" + struct.pack("<I", n)


def get(n):
    return b"h" + bytes([n]) if n < 256 else b"j" + struct.pack("<I", n)


def long_get(n):
    return b"j" + struct.pack("<I", n)


def named(path):
    module, _, name = path.rpartition(".")
    return f"c{module}\n{name}\n".encode()


ORDERED, COUNTER, DEFAULT = named("collections.OrderedDict"), named("collections.Counter"), named("collections.defaultdict")
SET, COMPLEX, BYTEARRAY, ENCODE = named("__builtin__.set"), named("__builtin__.complex"), named("__builtin__.bytearray"), named("_codecs.encode")
SIZE, DEVICE, LAYOUT = named("torch.Size"), named("torch.device"), named("torch.serialization._get_layout")
REBUILD = named("torch._utils._rebuild_tensor_v2")


def call(function, *args):
    """`args`: lists of ops."""
    return [function, MARK, *sum(args, []), TUPLE, REDUCE]


def storage(kind="Float", key="0", count=12, place="cpu"):
    return [MARK, text("storage"), named("torch.storage.UntypedStorage" if kind == "Untyped" else f"torch.{kind}Storage"), text(key), text(place), int4(count), TUPLE, PERSID]


def dims(numbers):
    return [MARK, *(long1(n) if not 0 <= n < 256 else int1(n) for n in numbers), TUPLE]


def tensor(shape=(3,), strides=(1,), offset=0, grad=FALSE, hooks=None, more=(), **where):
    return [REBUILD, MARK, *storage(**where), int4(offset), *dims(shape), *dims(strides), grad, *(hooks or [ORDERED, EMPTY_TUPLE, REDUCE]), *more, TUPLE, REDUCE]


def program(*ops):
    return [PROTO, *ops, STOP]


# ---- by hand ----


def by_hand():
    def case(name, *ops, **records):
        found.append(Pickle(f"hand-{name}", program(*ops), records))

    def raw(name, *ops, **records):
        found.append(Pickle(f"hand-{name}", list(ops), records))

    found = []
    # numbers and texts
    case("long1-empty", long1(0, 0))
    case("long1-padded", long1(-1, 9))
    case("long1-padded-wide", long1(5, 200))
    case("long1-64", long1(-(2**63), 8))
    case("long1-65", long1(2**64, 9))
    case("long1-2040", long1(-(2**2039), 255))
    case("long4", long4(7, 3))
    case("long4-empty", b"\x8b\0\0\0\0")
    case("long4-negative", b"\x8b\xff\xff\xff\xff")
    case("ints", MARK, int1(255), int2(65535), int4(-1), int4(2**31 - 1), TUPLE)
    case("floats", MARK, real(-0.0), b"G\x7f\xf8\0\0\0\0\0\x01", b"G\xff\xf0\0\0\0\0\0\0", TUPLE)
    case("short-binstring", MARK, short(b""), short(b"weight"), short("grüß".encode()), TUPLE)
    case("short-binstring-key", EMPTY_DICT, short(b"weight"), int1(1), SETITEM)
    case("short-binstring-same-key", EMPTY_DICT, MARK, short(b"w"), int1(1), text("w"), int1(2), SETITEMS)
    case("short-binstring-not-utf8", short(b"\xff\xfe"))
    case("binstring", b"T" + struct.pack("<i", 3) + b"abc")
    case("text-surrogate", text("\ud800"))
    case("text-not-utf8", text(b"\xff"))
    case("text-overlong", text(b"\xc0\x80"))
    case("text-nul", text("a\0b"))
    case("text-key-nul", EMPTY_DICT, text("a\0b"), int1(1), SETITEM, text("a"), int1(2), SETITEM)
    case("text-beyond-unicode", text(b"\xf4\x90\x80\x80"))
    # protocol and end
    raw("no-proto", NONE, STOP)
    raw("proto-late", NONE, PROTO, STOP)
    raw("proto-5", b"\x80\x05", NONE, STOP)
    raw("proto-9", b"\x80\x09", NONE, STOP)
    raw("proto-0", b"\x80\x00", NONE, STOP)
    raw("after-stop", PROTO, NONE, STOP, b"rubbish \xff")
    raw("no-stop", PROTO, NONE)
    raw("nothing", PROTO, STOP)
    raw("empty")
    raw("cut-in-text", PROTO, b"X\x05\0\0\0ab")
    case("two-values", int1(1), int1(2))
    case("open-mark", int1(1), MARK, int1(2))
    case("open-mark-nothing", int1(1), MARK)
    # containers
    case("append", EMPTY_LIST, int1(1), APPEND, MARK, int1(2), int1(3), APPENDS, MARK, APPENDS)
    case("append-to-tuple", EMPTY_TUPLE, int1(1), APPEND)
    case("append-to-set", EMPTY_SET, int1(1), APPEND)
    case("append-to-called-set", *call(SET, [EMPTY_LIST]), int1(1), APPEND)
    case("append-to-dict", EMPTY_DICT, int1(1), APPEND)
    case("append-nothing", EMPTY_LIST, APPEND)
    case("setitem-on-list", EMPTY_LIST, int1(0), int1(1), SETITEM)
    case("setitems-odd", EMPTY_DICT, MARK, int1(0), SETITEMS)
    case("setitems-none", EMPTY_DICT, MARK, SETITEMS)
    case("setitems-on-default", DEFAULT, NONE, TUPLE1, REDUCE, MARK, int1(1), int1(2), SETITEMS)
    case("default-with-factory", DEFAULT, named("__builtin__.int"), TUPLE1, REDUCE, MARK, int1(1), int1(2), SETITEMS)
    case("setitems-on-ordered", *call(ORDERED), MARK, int1(2), int1(1), int1(1), int1(2), int1(2), int1(3), SETITEMS)
    case("setitems-on-counter", *call(COUNTER), MARK, text("a"), int1(1), SETITEMS)
    case("setitem-on-counter-of-dict", COUNTER, EMPTY_DICT, text("a"), int1(3), SETITEM, TUPLE1, REDUCE, text("b"), int1(1), SETITEM)
    case("counter-of-text", *call(COUNTER, [text("abca")]))
    case("counter-of-list", *call(COUNTER, [EMPTY_LIST, MARK, int1(2), int1(1), int1(2), APPENDS]))
    case("counter-of-none", *call(COUNTER, [NONE]))
    case("list-op", MARK, int1(1), int1(2), LIST)
    case("dict-op", MARK, int1(1), int1(2), DICT)
    case("frozenset-op", MARK, int1(1), FROZENSET)
    case("additems", EMPTY_SET, MARK, int1(1), int1(1), ADDITEMS)
    case("pop", int1(1), int1(2), POP)
    case("pop-mark", int1(1), MARK, int1(2), int1(3), POP_MARK)
    case("dup", int1(1), DUP, TUPLE2)
    case("memoize", EMPTY_LIST, MEMOIZE, get(0), TUPLE2)
    case("stack-global", text("collections"), text("OrderedDict"), STACK_GLOBAL, EMPTY_TUPLE, REDUCE)
    case("empty-set", EMPTY_SET)
    case("key-list", EMPTY_DICT, EMPTY_LIST, int1(1), SETITEM)
    case("key-dict", EMPTY_DICT, EMPTY_DICT, int1(1), SETITEM)
    case("key-set", EMPTY_DICT, EMPTY_SET, int1(1), SETITEM)
    case("key-tuple-of-list", EMPTY_DICT, EMPTY_LIST, TUPLE1, int1(1), SETITEM)
    case("key-bytearray", EMPTY_DICT, *call(BYTEARRAY), int1(1), SETITEM)
    case("key-tensor", EMPTY_DICT, *tensor(), int1(1), SETITEM)
    case("key-global", EMPTY_DICT, ORDERED, int1(1), SETITEM)
    case("keys-equal", EMPTY_DICT, MARK, int1(1), text("a"), TRUE, text("b"), real(1.0), text("c"), SETITEMS)
    case("keys-equal-bool-first", EMPTY_DICT, MARK, TRUE, text("a"), int1(1), text("b"), FALSE, text("c"), real(-0.0), text("d"), SETITEMS)
    case("keys-nan", EMPTY_DICT, real(float("nan")), put(0), int1(1), SETITEM, get(0), int1(2), SETITEM, real(float("nan")), int1(3), SETITEM)
    case("keys-complex-equal", EMPTY_DICT, *call(COMPLEX, [real(1.0)], [real(0.0)]), int1(1), SETITEM, int1(1), int1(2), SETITEM)
    case("keys-large", EMPTY_DICT, long1(2**70), int1(1), SETITEM, real(2.0**70), int1(2), SETITEM)
    case("keys-tuple-equal", EMPTY_DICT, int1(1), TUPLE1, int1(1), SETITEM, TRUE, TUPLE1, int1(2), SETITEM, SIZE, int1(1), TUPLE1, TUPLE1, REDUCE, int1(3), SETITEM)
    case("keys-bytes-text", EMPTY_DICT, *call(ENCODE, [text("a")], [text("latin1")]), int1(1), SETITEM, text("a"), int1(2), SETITEM)
    # sets
    case("set-repeats", *call(SET, [EMPTY_LIST, MARK, int1(1), int1(2), int1(1), TRUE, real(2.0), APPENDS]))
    case("set-of-tuple", *call(SET, [MARK, int1(1), int1(1), TUPLE]))
    case("set-of-text", *call(SET, [text("abca")]))
    case("set-of-dict", *call(SET, [EMPTY_DICT, int1(4), int1(5), SETITEM]))
    case("set-of-set", *call(SET, call(SET, [EMPTY_LIST])))
    case("set-of-lists", *call(SET, [EMPTY_LIST, EMPTY_LIST, APPEND]))
    case("set-of-none", *call(SET, [NONE]))
    case("set-of-two", *call(SET, [EMPTY_LIST], [EMPTY_LIST]))
    case("set-new", SET, EMPTY_LIST, TUPLE1, NEWOBJ)
    case("set-nan", *call(SET, [EMPTY_LIST, MARK, real(float("nan")), put(3), get(3), real(float("nan")), APPENDS]))
    # memo
    case("memo-hole", int1(1), put(200), get(200), TUPLE2)
    case("memo-far", int1(1), long_put(2**31), long_get(2**31), TUPLE2)
    case("memo-farther", int1(1), long_put(2**32 - 1), long_get(2**32 - 1), TUPLE2)
    case("memo-none", get(0))
    case("memo-overwritten", int1(1), put(0), int1(2), put(0), get(0), TUPLE3)
    case("memo-after-change", EMPTY_LIST, put(0), get(0), int1(5), APPEND, TUPLE2)
    case("memo-put-at-mark", int1(1), MARK, put(0))
    case("memo-mixed-sizes", int1(1), long_put(1), get(1), long_get(1), TUPLE3)
    case("cycle-list", EMPTY_LIST, put(0), get(0), APPEND)
    case("cycle-tuple", EMPTY_LIST, put(0), get(0), TUPLE1, APPEND)
    case("cycle-dict", EMPTY_DICT, put(0), text("me"), get(0), SETITEM)
    case("cycle-state", *call(ORDERED), put(0), EMPTY_DICT, text("me"), get(0), SETITEM, BUILD)
    case("cycle-two", EMPTY_LIST, put(0), EMPTY_LIST, put(1), get(0), APPEND, APPEND)
    case("stack-low-tuple", int1(1), TUPLE2)
    case("tuple-under-mark", int1(1), MARK, int1(2), TUPLE2, TUPLE)
    case("appends-under-mark", EMPTY_LIST, MARK, MARK, APPENDS)
    # calls
    for name, ops in {
        "ordered-pairs": call(ORDERED, [EMPTY_LIST, MARK, text("a"), int1(1), TUPLE2, int1(2), text("b"), TUPLE2, APPENDS]),
        "ordered-list-pairs": call(ORDERED, [EMPTY_LIST, EMPTY_LIST, MARK, text("a"), int1(1), APPENDS, APPEND]),
        "ordered-dict": call(ORDERED, [EMPTY_DICT, int1(1), int1(2), SETITEM]),
        "ordered-tuple": call(ORDERED, [text("a"), int1(1), TUPLE2, TUPLE1]),
        "ordered-two": call(ORDERED, [EMPTY_DICT], [EMPTY_DICT]),
        "ordered-int": call(ORDERED, [int1(1)]),
        "ordered-text": call(ORDERED, [text("ab")]),
        "ordered-short-texts": call(ORDERED, [EMPTY_LIST, text("ab"), APPEND]),
        "ordered-new": [ORDERED, EMPTY_TUPLE, NEWOBJ],
        "ordered-new-args": [ORDERED, int1(1), TUPLE1, NEWOBJ],
        "counter-new": [COUNTER, EMPTY_TUPLE, NEWOBJ],
        "size": call(SIZE, [int1(1), int1(2), TUPLE2]),
        "size-none": call(SIZE),
        "size-list": call(SIZE, [EMPTY_LIST, int1(3), APPEND]),
        "size-texts": call(SIZE, [text("a"), TUPLE1]),
        "size-new": [SIZE, int1(1), TUPLE1, TUPLE1, NEWOBJ],
        "size-two": call(SIZE, [int1(1)], [int1(2)]),
        "device": call(DEVICE, [text("cuda")], [int1(1)]),
        "device-whole": call(DEVICE, [text("cuda:1")]),
        "device-none": call(DEVICE),
        "device-unknown": call(DEVICE, [text("gpu")]),
        "device-twice": call(DEVICE, [text("cuda:1")], [int1(1)]),
        "device-negative": call(DEVICE, [text("cuda")], [int4(-1)]),
        "device-minus-two": call(DEVICE, [text("cuda")], [int4(-2)]),
        "device-empty": call(DEVICE, [text("")]),
        "device-padded": call(DEVICE, [text("cuda:01")]),
        "device-cpu-0": call(DEVICE, [text("cpu")], [int1(0)]),
        "device-large": call(DEVICE, [text("cuda")], [int2(300)]),
        "layout": call(LAYOUT, [text("torch.strided")]),
        "layout-unknown": call(LAYOUT, [text("torch.round")]),
        "layout-none": call(LAYOUT),
        "complex": call(COMPLEX, [real(1.0)], [real(-0.0)]),
        "complex-ints": call(COMPLEX, [int1(1)], [int1(2)]),
        "complex-one": call(COMPLEX, [real(1.0)]),
        "complex-none": call(COMPLEX),
        "complex-text": call(COMPLEX, [text("1+2j")]),
        "complex-three": call(COMPLEX, [real(1.0)], [real(1.0)], [real(1.0)]),
        "bytearray": call(BYTEARRAY),
        "bytearray-int": call(BYTEARRAY, [int1(3)]),
        "bytearray-list": call(BYTEARRAY, [EMPTY_LIST, int1(3), APPEND]),
        "bytearray-latin": call(BYTEARRAY, [text("\xe9\x00")], [text("latin-1")]),
        "bytearray-latin1": call(BYTEARRAY, [text("\xe9\x00")], [text("latin1")]),
        "bytearray-utf8": call(BYTEARRAY, [text("\xe9")], [text("utf-8")]),
        "bytearray-bytes": call(BYTEARRAY, call(ENCODE, [text("\xff")], [text("latin1")])),
        "encode": call(ENCODE, [text("\xff\x00")], [text("latin1")]),
        "encode-four": call(ENCODE, [text("x")], [text("latin1")], [text("strict")], [NONE]),
        "encode-alone": call(ENCODE, [text("\xe9")]),
        "encode-utf8": call(ENCODE, [text("\xe9")], [text("utf-8")]),
        "encode-beyond": call(ENCODE, [text("\u0100")], [text("latin1")]),
        "encode-codec": call(ENCODE, [text("x")], [text("rot13")]),
        "encode-unknown": call(ENCODE, [text("x")], [text("no such codec")]),
        "call-dtype": call(named("torch.float32")),
        "call-int": call(named("__builtin__.int"), [int1(1)]),
        "call-what-was-called": [*call(ORDERED), EMPTY_TUPLE, REDUCE],
        "call-without-tuple": [ORDERED, EMPTY_LIST, REDUCE],
        "call-with-list": [SET, EMPTY_LIST, EMPTY_LIST, APPEND, REDUCE],
        "call-number": [int1(1), EMPTY_TUPLE, REDUCE],
        "call-nothing": [EMPTY_TUPLE, REDUCE],
        "new-int": [named("__builtin__.int"), EMPTY_TUPLE, NEWOBJ],
        "new-unknown": [named("numpy.ndarray"), EMPTY_TUPLE, NEWOBJ],
        "tensor-class-called": call(named("torch.FloatTensor")),
    }.items():
        case(name, *ops)
    # names
    for name in ("os.system", "posix.system", "builtins.eval", "__builtin__.eval", "builtins.getattr", "numpy.core.multiarray.scalar", "datetime.datetime",
                 "torch.load", "torch._utils.nothing", "copy_reg._reconstructor", "collections.OrderedDict.fromkeys", "sys.exit", "x", "."):
        case(f"unknown-{name}", named(name))
        case(f"unknown-in-list-{name}", EMPTY_LIST, named(name), APPEND)
    for name in ("torch.float32", "torch.bfloat16", "torch.uint1", "torch.int7", "torch.bits8", "torch.qint8", "torch.float4_e2m1fn_x2", "torch.bcomplex32", "torch.half", "torch.double",
                 "torch.per_tensor_affine", "torch.strided", "torch.preserve_format"):
        case(f"name-{name}", named(name))
    case("name-not-utf8", b"c\xff\n\xfe\n")
    case("name-empty", b"c\n\n")
    case("name-cut", b"ctorch")
    # state
    for name, ops in {
        "ordered": [*call(ORDERED), EMPTY_DICT, text("_metadata"), EMPTY_DICT, SETITEM],
        "ordered-empty": [*call(ORDERED), EMPTY_DICT],
        "ordered-pairs": [*call(ORDERED), EMPTY_LIST, text("a"), int1(1), TUPLE2, APPEND],
        "ordered-int-key": [*call(ORDERED), EMPTY_DICT, int1(1), int1(1), SETITEM],
        "ordered-none": [*call(ORDERED), NONE],
        "ordered-int": [*call(ORDERED), int1(1)],
        "ordered-tuple": [*call(ORDERED), EMPTY_TUPLE],
        "counter": [*call(COUNTER), EMPTY_DICT, text("a"), int1(1), SETITEM],
        "counter-slots": [*call(COUNTER), NONE, EMPTY_DICT, text("a"), int1(1), SETITEM, TUPLE2],
        "counter-none": [*call(COUNTER), NONE],
        "dict": [EMPTY_DICT, EMPTY_DICT, text("a"), int1(1), SETITEM],
        "list": [EMPTY_LIST, EMPTY_DICT],
        "set": [EMPTY_SET, EMPTY_DICT],
        "set-more": [EMPTY_SET, EMPTY_DICT, text("a"), int1(1), SETITEM],
        "int": [int1(1), EMPTY_DICT],
        "tensor": [*tensor(), EMPTY_DICT],
        "size": [*call(SIZE, [EMPTY_TUPLE]), NONE],
        "alone": [EMPTY_DICT],
    }.items():
        case(f"state-{name}", *ops, BUILD)
    # tensors
    for name, ops in {
        "plain": tensor(),
        "rows": tensor((2, 3), (3, 1)),
        "columns": tensor((3, 2), (1, 3)),
        "twice": [EMPTY_LIST, MARK, *tensor(), *tensor((2,), (4,), 3), APPENDS],
        "zero-stride": tensor((1000,), (0,)),
        "offset-past": tensor((3,), (1,), 10),
        "offset-at-end": tensor((0,), (1,), 12),
        "offset-far": tensor((0,), (1,), 99),
        "offset-negative": tensor((1,), (1,), -1),
        "shape-negative": tensor((-1,), (1,)),
        "stride-negative": tensor((2,), (-1,), 5),
        "stride-count": tensor((2, 2), (1,)),
        "stride-of-nothing": tensor((0, 3), (7, 9)),
        "stride-of-one": tensor((1,), (99,)),
        "shape-huge": tensor((2**62, 4), (0, 0)),
        "shape-large": tensor((2**40,), (1,)),
        "shape-list": [REBUILD, MARK, *storage(), int1(0), EMPTY_LIST, int1(3), APPEND, EMPTY_LIST, int1(1), APPEND, FALSE, *call(ORDERED), TUPLE, REDUCE],
        "shape-size": [REBUILD, MARK, *storage(), int1(0), *call(SIZE, [int1(3), TUPLE1]), int1(1), TUPLE1, FALSE, *call(ORDERED), TUPLE, REDUCE],
        "shape-bool": [REBUILD, MARK, *storage(), FALSE, TRUE, TUPLE1, TRUE, TUPLE1, FALSE, *call(ORDERED), TUPLE, REDUCE],
        "grad-int": tensor(grad=int1(1)),
        "grad-none": tensor(grad=NONE),
        "grad-of-int": tensor(grad=TRUE, kind="Int"),
        "hooks-none": tensor(hooks=[NONE]),
        "hooks-list": tensor(hooks=[EMPTY_LIST]),
        "meta-none": tensor(more=[NONE]),
        "meta-empty": tensor(more=[EMPTY_DICT]),
        "meta-conj-of-real": tensor(more=[EMPTY_DICT, text("conj"), TRUE, SETITEM]),
        "meta-neg": tensor(more=[EMPTY_DICT, text("neg"), TRUE, SETITEM]),
        "meta-neg-false": tensor(more=[EMPTY_DICT, text("neg"), FALSE, SETITEM]),
        "meta-conj": tensor(kind="ComplexFloat", count=6, more=[EMPTY_DICT, text("conj"), TRUE, SETITEM]),
        "meta-conj-neg": tensor(kind="ComplexFloat", count=6, more=[EMPTY_DICT, MARK, text("conj"), TRUE, text("neg"), TRUE, SETITEMS]),
        "meta-unknown": tensor(more=[EMPTY_DICT, text("x"), TRUE, SETITEM]),
        "more-args": tensor(more=[NONE, NONE]),
        "few-args": [REBUILD, MARK, *storage(), int1(0), *dims((3,)), *dims((1,)), FALSE, TUPLE, REDUCE],
        "bool-of-2": tensor((8,), (1,), kind="Bool", key="1", count=8),
        "bytes": tensor((8,), (1,), kind="Byte", key="1", count=8),
        "count-less": tensor(count=3),
        "count-more": tensor(count=13),
        "count-zero": tensor((0,), count=0),
        "count-negative": tensor(count=-1),
        "count-bool": [REBUILD, MARK, MARK, text("storage"), named("torch.FloatStorage"), text("0"), text("cpu"), TRUE, TUPLE, PERSID, int1(0), *dims((1,)), *dims((1,)), FALSE, *call(ORDERED), TUPLE, REDUCE],
        "two-counts": [EMPTY_LIST, MARK, *tensor(count=4), *tensor(count=12), APPENDS],
        "two-dtypes": [EMPTY_LIST, MARK, *tensor(), *tensor(kind="Int"), APPENDS],
        "two-dtypes-of-nothing": [EMPTY_LIST, MARK, *tensor((0,), count=0), *tensor((0,), kind="Int", count=0), APPENDS],
        "key-unknown": tensor(key="7"),
        "key-up": tensor(key="../version"),
        "key-empty": tensor(key=""),
        "place-cuda": tensor(place="meta"),
        "place-unknown": tensor(place="moon"),
        "kind-unknown": tensor(kind="Moon"),
        "untyped": tensor((48,), (1,), kind="Untyped", count=48),
        "short-texts": [REBUILD, MARK, MARK, short(b"storage"), named("torch.FloatStorage"), short(b"0"), short(b"cpu"), int1(12), TUPLE, PERSID, int1(0), *dims((3,)), *dims((1,)), FALSE, *call(ORDERED), TUPLE, REDUCE],
        "v1": [named("torch._utils._rebuild_tensor"), MARK, *storage(), int1(0), *dims((3,)), *dims((1,)), TUPLE, REDUCE],
        "v3": [named("torch._utils._rebuild_tensor_v3"), MARK, *storage("Untyped", count=48), int1(0), *dims((3,)), *dims((1,)), FALSE, *call(ORDERED), named("torch.float32"), TUPLE, REDUCE],
        "v3-int16": [named("torch._utils._rebuild_tensor_v3"), MARK, *storage("Untyped", count=48), int1(1), *dims((3,)), *dims((1,)), FALSE, *call(ORDERED), named("torch.int16"), TUPLE, REDUCE],
        "v3-past": [named("torch._utils._rebuild_tensor_v3"), MARK, *storage("Untyped", count=48), int1(0), *dims((13,)), *dims((1,)), FALSE, *call(ORDERED), named("torch.float32"), TUPLE, REDUCE],
        "v2-untyped": [REBUILD, MARK, *storage("Untyped", count=48), int1(0), *dims((3,)), *dims((1,)), FALSE, *call(ORDERED), TUPLE, REDUCE],
        "parameter": call(named("torch._utils._rebuild_parameter"), tensor(), [TRUE], call(ORDERED)),
        "parameter-of-int": call(named("torch._utils._rebuild_parameter"), tensor(kind="Int"), [FALSE], call(ORDERED)),
        "parameter-few": call(named("torch._utils._rebuild_parameter"), tensor()),
        "parameter-state": call(named("torch._utils._rebuild_parameter_with_state"), tensor(), [TRUE], call(ORDERED), [EMPTY_DICT]),
        "from-type": call(named("torch._tensor._rebuild_from_type_v2"), [REBUILD], [named("torch.Tensor")],
                          [MARK, *storage(), int1(0), *dims((3,)), *dims((1,)), FALSE, *call(ORDERED), TUPLE], [EMPTY_DICT]),
        "storage-alone": storage(),
        "storage-twice": [EMPTY_LIST, MARK, *storage(), *storage(), APPENDS],
        "persid-of-text": [text("storage"), PERSID],
        "persid-of-int": [int1(0), PERSID],
        "persid-of-nothing": [EMPTY_TUPLE, PERSID],
        "persid-of-module": [MARK, text("module"), ORDERED, text("0"), text("cpu"), int1(1), TUPLE, PERSID],
        "persid-of-six": [MARK, text("storage"), named("torch.FloatStorage"), text("0"), text("cpu"), int1(12), NONE, TUPLE, PERSID],
        "persid-key-int": [MARK, text("storage"), named("torch.FloatStorage"), int1(0), text("cpu"), int1(12), TUPLE, PERSID],
    }.items():
        case(f"tensor-{name}", *ops)
    # records
    plain = [EMPTY_DICT, text("t"), *tensor(), SETITEM]
    for name, data in {"0": b"0\n", "1": b"1\n", "2": b"2", "4": b"4\n", "10": b"10\n", "11": b"11\n", "99": b"99", "words": b"three", "minus": b"-3", "empty": b"", "padded": b"  3  ",
                       "plus": b"+3", "long": b"3" * 40, "after": b"3 and more", "none": None}.items():
        case(f"version-{name}", *plain, version=data)
        case(f"dotversion-{name}", *plain, **{"version": None, ".data/version": data})
    for name, data in {"big": b"big", "middle": b"middle", "empty": b"", "line": b"little\n", "none": None}.items():
        case(f"byteorder-{name}", *plain, byteorder=data)
    for name, data in {"5": b"5", "words": b"x", "empty": b""}.items():
        case(f"format-version-{name}", *plain, **{".format_version": data})
        case(f"alignment-{name}", *plain, **{".storage_alignment": data})
    case("torchscript", *plain, **{"constants.pkl": b"\x80\x02).", "code/__torch__.py": b""})
    case("constants-only", *plain, **{"constants.pkl": b"\x80\x02)."})
    case("constants-deeper", *plain, **{"x/constants.pkl": b"\x80\x02)."})
    case("code-only", *plain, **{"code/__torch__.py": b""})
    case("model-json", *plain, **{"model.json": b"{}"})
    case("no-data-pkl", *plain, **{"data.pkl": None})
    case("storage-longer", *plain, **{"data/0": bytes(100)})
    case("storage-shorter", *plain, **{"data/0": bytes(40)})
    case("storage-none", *plain, **{"data/0": None})
    return found


# ---- at random ----


class Writer:
    """Random ops that push one value each and use the memo; most are valid."""

    def __init__(self, rng):
        self.rng = rng
        self.memo = {}  # index: kind of the value

    def kept(self, kind, ops):
        """Sometimes memoizes the value of `ops`; indexes are reused."""
        if self.rng.random() < 0.4:
            number = self.rng.choice((0, 1, 2))
            self.memo[number] = kind
            ops.append(self.rng.choice((put, long_put))(number))
        return ops

    def recalled(self, *kinds):
        numbers = [number for number, kind in self.memo.items() if not kinds or kind in kinds]
        return [self.rng.choice((get, long_get))(self.rng.choice(numbers))] if numbers else [NONE]

    def atom(self):
        r = self.rng
        n = r.randrange(256)
        return [r.choice((NONE, TRUE, FALSE, int1(n), int2(n * 200), int4(n - 300), long1(n - 100), long1(n - 100, 9), long1(n << 70), real(n / 8), real(float(n)), text(f"k{n % 9}"), text("\xe9\0"),
                          short(b"k%d" % (n % 9)), short(b""), EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT))]

    def key(self):
        r = self.rng
        n = r.randrange(5)
        return r.choice((lambda: [text(f"k{n}")], lambda: [int1(n)], lambda: [short(b"k%d" % n)], lambda: [real(n)], lambda: [TRUE], lambda: [NONE], lambda: [*self.key(), TUPLE1],
                         lambda: [*self.key(), *self.key(), TUPLE2], lambda: [long1(n, 5)], lambda: call(ENCODE, [text(f"k{n}")], [text("latin1")]), lambda: [named("torch.int8")]))()

    def items(self, ops, depth, dict_like):
        """Adds items to the topmost value some times."""
        r = self.rng
        for _ in range(r.randrange(3)):
            if dict_like:
                pairs = [op for _ in range(r.randrange(4)) for op in (*self.key(), *self.value(depth - 1))]
                ops += [MARK, *pairs, SETITEMS] if r.random() < 0.6 else [*self.key(), *self.value(depth - 1), SETITEM]
            elif r.random() < 0.6:
                ops += [MARK, *(op for _ in range(r.randrange(4)) for op in self.value(depth - 1)), APPENDS]
            else:
                ops += [*self.value(depth - 1), APPEND]
        return ops

    def list(self, depth):
        return self.items(self.kept("list", [EMPTY_LIST]), depth, False)

    def dict(self, depth):
        return self.items(self.kept("dict", [EMPTY_DICT]), depth, True)

    def ordered(self, depth):
        ops = self.items(self.kept("dict", call(ORDERED)), depth, True)
        if self.rng.random() < 0.4:
            ops += [*self.rng.choice((self.dict(0), [EMPTY_DICT, text("_metadata"), *self.value(depth - 1), SETITEM])), BUILD]
        return ops

    def counter(self, depth):
        return self.items(self.kept("dict", call(COUNTER, [EMPTY_DICT, text("a"), int1(2), SETITEM])), 1, True)

    def tuple(self, depth):
        n = self.rng.randrange(5)
        items = [op for _ in range(n) for op in self.value(depth - 1)]
        short_form = {0: EMPTY_TUPLE, 1: TUPLE1, 2: TUPLE2, 3: TUPLE3}.get(n)
        ops = [*items, short_form] if short_form and self.rng.random() < 0.7 else [MARK, *items, TUPLE]
        return self.kept("tuple", ops)

    def set(self, depth):
        return self.kept("set", call(SET, [EMPTY_LIST, MARK, *(op for _ in range(self.rng.randrange(6)) for op in self.key()), APPENDS]))

    def grown(self, depth):
        """Adds items to a value from the memo after it was used."""
        if "list" in self.memo.values():
            return self.items(self.recalled("list"), depth, False)
        return self.items(self.recalled("dict"), depth, True) if "dict" in self.memo.values() else self.atom()

    def torch(self, depth):
        r = self.rng
        rows, columns = r.randrange(4), r.randrange(4)
        return self.kept("leaf", r.choice((
            lambda: tensor((rows, columns), r.choice(((columns, 1), (1, rows), (0, 1))), r.randrange(4)),
            lambda: tensor((rows,), (r.randrange(3),), r.randrange(3), kind="Bool", key="1", count=8),
            lambda: tensor((rows,), (1,), kind=r.choice(("Byte", "Char")), key="1", count=8, grad=r.choice((TRUE, FALSE)), hooks=r.choice((None, [NONE]))),
            lambda: tensor(kind="ComplexFloat", count=6, more=[EMPTY_DICT, text("conj"), TRUE, SETITEM]),
            lambda: call(SIZE, [int1(rows), int1(columns), TUPLE2]),
            lambda: call(DEVICE, [text("cuda")], [int1(rows)]),
            lambda: call(COMPLEX, [real(rows)], [real(columns)]),
            lambda: call(BYTEARRAY, [text("\xff\x00")], [text("latin-1")]),
            lambda: [named("torch.float16")],
            lambda: storage(),
        ))())

    def value(self, depth):
        if depth <= 0:
            return self.atom()
        r = self.rng
        return r.choice((lambda _: self.atom(), lambda _: self.recalled(), self.list, self.list, self.dict, self.dict, self.ordered, self.counter, self.tuple, self.tuple, self.set, self.grown,
                         self.torch))(depth)


def spoil(rng, ops):
    """Changes one op."""
    i, j = rng.randrange(1, len(ops)), rng.randrange(1, len(ops))
    change = rng.randrange(6)
    if change == 0:
        del ops[i]
    elif change == 1:
        ops.insert(i, ops[j])
    elif change == 2:
        ops[i], ops[j] = ops[j], ops[i]
    elif change == 3:
        ops.insert(i, rng.choice(BINARY))
    elif change == 4:
        ops[i] = rng.choice(BINARY)
    else:
        ops[i:i] = [rng.choice(BINARY), rng.choice((int1(1), text("a"), get(0), put(1)))]


def at_random(seed, count):
    for i in range(count):
        rng = random.Random(f"{seed} pickle {i}")
        writer = Writer(rng)
        ops = program(*writer.tuple(4) if i % 2 else writer.dict(4))
        kind = ("sound", "spoiled", "spoiled")[i % 3]
        if kind == "spoiled":
            for _ in range(rng.choice((1, 1, 2, 3))):
                spoil(rng, ops)
        yield Pickle(f"{kind}-{i}", ops)


def cases(seed):
    yield from by_hand()
    yield from at_random(seed, 240)

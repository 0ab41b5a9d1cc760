"""Random trees that torch.save can write, for test_generated.py. Each theme makes one kind of file; all depend only on the seed."""

import argparse
import datetime
import enum
import math
import pathlib
import random
import warnings
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

import torch
import torch.utils.serialization

TENSOR_DTYPES = """bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
    float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 uint16 uint32 uint64""".split()
TEXTS = ["", "x", "state_dict", "layer.0.weight", "grüß", "🐍", "a\0b", "\0", "\ud800", "tail\udfff", "line\nline", '"\\', "\x7f\x80", "k" * 300]
INTS = [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)]
LARGE_INTS = [2**63, -(2**63) - 1, 2**64, -(2**64), 2**127, 10**30, -(10**40), 2**2000 + 1, -(1 << 2039), 1 << 2039, 3**9000]
FLOATS = [0.0, -0.0, 1.5, 0.1, 1e308, 5e-324, math.inf, -math.inf, math.nan, -math.nan]


@dataclass
class Case:
    name: str
    value: object
    save: dict = field(default_factory=dict)  # options of torch.save
    config: dict = field(default_factory=dict)  # of torch.utils.serialization.config
    crc32: bool = True
    wider: bool = True  # cove reads it even if torch's weights_only refuses it

    def write(self, path):
        crc32 = torch.serialization.get_crc32_options()
        torch.serialization.set_crc32_options(self.crc32)
        try:
            with torch.utils.serialization.config.patch(self.config):
                torch.save(self.value, path, **self.save)
        finally:
            torch.serialization.set_crc32_options(crc32)


class Maker:
    """Makes values from one stream of random numbers."""

    def __init__(self, rng):
        self.rng = rng

    # ---- leaves ----

    def integer(self):
        r = self.rng
        return r.choice([r.choice(INTS), r.randrange(-(1 << r.randrange(1, 64)), 1 << r.randrange(1, 63))])

    def large_integer(self):
        r = self.rng
        return r.choice([r.choice(LARGE_INTS), r.choice((1, -1)) * r.getrandbits(r.randrange(64, 3000)) + 2**63])

    def real(self):
        r = self.rng
        return r.choice([r.choice(FLOATS), r.gauss(0, 1), r.uniform(-1, 1) * 10.0 ** r.randrange(-300, 300)])

    def string(self):
        r = self.rng
        return r.choice(
            [r.choice(TEXTS), "".join(chr(r.choice((r.randrange(128), r.randrange(0x2000), r.randrange(0x110000)))) for _ in range(r.randrange(12)))]
        )

    def name(self):
        return self.rng.choice("abcdefghij") + str(self.rng.randrange(1000))

    def data(self):
        return self.rng.randbytes(self.rng.choice((0, 1, 3, 40, 255, 256, 700)))

    def number(self):
        return complex(self.real(), self.real())

    def leaf(self):
        return self.rng.choice((lambda: None, lambda: self.rng.random() < 0.5, self.integer, self.real, self.string, self.data))()

    # ---- trees ----

    def tree(self, depth=4, leaf=None, key=None):
        r, leaf, key = self.rng, leaf or self.leaf, key or self.name
        if depth == 0 or r.random() < 0.25:
            return leaf()
        n = r.choice((0, 1, 2, 3, 3, 5))
        kind = r.choice(("list", "tuple", "dict", "dict", "ordered"))
        if kind == "dict" or kind == "ordered":
            pairs = [(key(), self.tree(depth - 1, leaf, key)) for _ in range(n)]
            return dict(pairs) if kind == "dict" else OrderedDict(pairs)
        items = [self.tree(depth - 1, leaf, key) for _ in range(n)]
        return items if kind == "list" else tuple(items)

    def holder(self, values):
        """Some values in a random container, with another value beside them."""
        values = list(values)
        return self.rng.choice(
            (
                lambda: values,
                lambda: tuple(values),
                lambda: {self.name() + str(i): v for i, v in enumerate(values)},
                lambda: {"epoch": self.integer(), "inner": [values, self.tree(2)]},
            )
        )()

    def key(self, kind):
        r = self.rng
        return {
            "none": lambda: None,
            "bool": lambda: r.random() < 0.5,
            "int": self.integer,
            "large_int": self.large_integer,
            "float": self.real,
            "str": self.string,
            "bytes": self.data,
            "complex": self.number,
            "tuple": lambda: tuple(self.key(r.choice(("none", "bool", "int", "float", "str", "bytes", "tuple"))) for _ in range(r.randrange(4))),
            "dtype": lambda: getattr(torch, r.choice(TENSOR_DTYPES)),
            "device": lambda: torch.device(r.choice(("cpu", "cuda:0", "cuda:3", "meta"))),
            "layout": lambda: r.choice((torch.strided, torch.sparse_coo)),
            "size": lambda: torch.Size(r.randrange(9) for _ in range(r.randrange(4))),
        }[kind]()

    # ---- tensors ----

    def tensor(self, dtype=None, shape=None):
        """Random bits, except for bool."""
        r = self.rng
        dtype = dtype or getattr(torch, r.choice(TENSOR_DTYPES))
        shape = [r.choice((0, 1, 2, 3, 5)) for _ in range(r.randrange(5))] if shape is None else shape
        size = torch.empty(0, dtype=dtype).element_size() * math.prod(shape)
        bits = bytes(r.randrange(2) for _ in range(size)) if dtype == torch.bool else r.randbytes(size)
        return torch.tensor(list(bits), dtype=torch.uint8).view(dtype).reshape(shape)

    def view(self, base):
        """A random view of a tensor of one dimension."""
        r, n = self.rng, base.numel()
        rows, columns = r.randrange(1, 5), r.randrange(1, 5)
        strides = r.choice(((columns, 1), (1, rows), (0, 1), (1, 0), (2, 3), (0, 0)))
        room = (rows - 1) * strides[0] + (columns - 1) * strides[1]
        return r.choice(
            (
                lambda: base[r.randrange(n) :],
                lambda: base[:: r.randrange(1, 4)],
                lambda: base[r.randrange(n)],
                lambda: base[n:],
                lambda: torch.as_strided(base, (rows, columns), strides, r.randrange(n - room)),
                lambda: base.expand(r.randrange(1, 4), n),
                lambda: base[: n // 2 * 2].reshape(2, -1).t(),
                lambda: base.unsqueeze(0).unsqueeze(2),
            )
        )()

    def module(self):
        r, nn = self.rng, torch.nn
        with torch.random.fork_rng():
            torch.manual_seed(r.randrange(1 << 30))
            width = r.choice((2, 3, 4))
            return r.choice(
                (
                    lambda: nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2)),
                    lambda: nn.Sequential(nn.Linear(3, width), nn.PReLU(), nn.LayerNorm(width)),
                    lambda: nn.ModuleDict({"net": nn.Linear(3, width, bias=False), "tail": nn.Linear(width, 1)}),
                )
            )()

    def trained(self):
        """The states of a module and its optimizer after some steps."""
        r, optim = self.rng, torch.optim
        module = self.module()
        parts = list(module.values()) if isinstance(module, torch.nn.ModuleDict) else [module]
        optimizer = r.choice(
            (
                lambda p: optim.Adam(p, lr=0.01),
                lambda p: optim.AdamW(p, amsgrad=True, betas=(0.8, 0.99)),
                lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
                lambda p: optim.RMSprop(p, centered=True, momentum=0.1),
                lambda p: optim.Adagrad(p),
                lambda p: optim.Adadelta(p),
                lambda p: optim.Adam(p, lr=torch.tensor(0.01), capturable=False),
            )
        )(list(module.parameters()))
        plateau = r.random() < 0.2
        scheduler = (
            optim.lr_scheduler.ReduceLROnPlateau(optimizer)
            if plateau
            else r.choice(
                (
                    lambda: optim.lr_scheduler.StepLR(optimizer, 2),
                    lambda: optim.lr_scheduler.MultiStepLR(optimizer, [2, 3, 3]),
                    lambda: optim.lr_scheduler.CosineAnnealingLR(optimizer, 5),
                    lambda: optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9, cycle_momentum=False),
                    lambda: optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
                )
            )()
        )
        for _ in range(r.randrange(4)):
            x = self.tensor(torch.int8, (4, 3)).float() / 100
            for part in parts:
                x = part(x)
            optimizer.zero_grad()
            x.square().mean().backward()
            optimizer.step()
            scheduler.step(1.0) if plateau else scheduler.step()
        return {
            "epoch": r.randrange(9),
            "state_dict": module.state_dict(),
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [scheduler.state_dict()],
        }


# ---- themes: a function of a Maker and the number of the case gives a Case without a name, or a value ----


def deep(m, i):
    value, depth = m.leaf(), m.rng.choice((190, 201, 250, 256, 300, 500, 700, 900))
    for _ in range(depth):
        value = m.rng.choice((lambda: [value], lambda: {"k": value}))()
    return value


def key_theme(kind):
    def make(m, i):
        kinds = (kind,) if i % 2 else (kind, "str", "int")
        return m.tree(3, key=lambda: m.key(m.rng.choice(kinds))) if i % 3 else {m.key(kind): m.leaf() for _ in range(4)}

    return make


def key_values(m, i):
    """Keys that are equal, and keys that only look equal."""
    return [
        {1: "a", "1": "b"},
        {1.0: "a", "1.0": "b"},
        {True: "a", 2: "b"},
        {0.0: 1, "": 2, None: 3, (): 4, b"": 5},
        {(1, 2): 1, (1, (2,)): 2},
        {2**70: 1, 2.0**70 + 2**30: 2},
    ][i % 6]


def set_theme(m, i):
    kinds = ("int", "str", "none", "bool", "float", "tuple", "bytes", "large_int", "complex", "dtype")
    return m.holder({m.key(m.rng.choice(kinds)) for _ in range(m.rng.randrange(12))} for _ in range(3))


def known_containers(m, i):
    r = m.rng
    return m.holder(
        r.choice(
            (
                lambda: OrderedDict((m.name(), m.leaf()) for _ in range(3)),
                lambda: Counter(m.name() for _ in range(5)),
                lambda: Counter("abracadabra"),
                lambda: m.key("size"),
                lambda: m.key("dtype"),
                lambda: m.key("device"),
                lambda: m.key("layout"),
                lambda: m.number(),
                lambda: bytearray(m.data()),
            )
        )()
        for _ in range(6)
    )


FACTORIES = [int, str, float, bool, list, tuple, dict, set, None, OrderedDict, Counter, bytes, bytearray, complex, frozenset]


def default_dict(m, i):
    items = {m.name(): m.leaf() for _ in range(m.rng.randrange(1, 4))}
    return m.holder([defaultdict(FACTORIES[i % len(FACTORIES)], items)])


def containers_beyond(m, i):
    return m.holder(
        m.rng.choice(
            (
                lambda: argparse.Namespace(lr=m.real(), name=m.string()),
                lambda: frozenset(m.integer() for _ in range(4)),
                lambda: pathlib.PurePosixPath("/a") / m.name(),
            )
        )()
        for _ in range(3)
    )


def attribute_dict(m, i):
    from lightning.pytorch.utilities.parsing import AttributeDict

    return {"hyper_parameters": AttributeDict(lr=m.real(), layers=[1, 2])}


def tensors(m, i):
    dtype = getattr(torch, TENSOR_DTYPES[i % len(TENSOR_DTYPES)])
    whole = m.tensor(dtype, [40])
    return m.holder([m.tensor(dtype), m.tensor(dtype, []), *(m.view(m.tensor(dtype, [40])) for _ in range(3)), whole, *(m.view(whole) for _ in range(4))])


def dimensions(m, i):
    n = (1, 8, 25, 26, 63, 64)[i % 6]
    shape = [1] * n
    shape[m.rng.randrange(n)] = 3
    return {"t": m.tensor(torch.float32, shape)}


def parameters(m, i):
    noted = m.tensor(torch.float32, [3])
    noted.note = m.leaf()
    parameter = torch.nn.Parameter(m.tensor(torch.float32, [2, 2]))
    noted_parameter = torch.nn.Parameter(m.tensor(torch.float32, [2]), requires_grad=False)
    noted_parameter.note = {"tag": m.name()}
    return m.holder([noted, parameter, noted_parameter, torch.nn.Buffer(m.tensor(torch.int64, [2])), m.tensor(torch.float64, [2]).requires_grad_(), parameter])


def lazy_views(m, i):
    z = m.tensor(torch.complex64 if i % 2 else torch.complex128, [6])
    x = m.tensor(torch.float32, [4])
    views = [
        [z.conj(), z.conj()[1:4], z, torch._neg_view(z.conj()), z.reshape(2, 3).mH],
        [z.conj().imag, z.imag, z.conj().real],
        [torch._neg_view(x), torch._neg_view(x)[1:], x],
    ][i % 3]
    return m.holder(m.rng.sample(views, 2))


def storages(m, i):
    t = m.tensor(getattr(torch, TENSOR_DTYPES[i % 10]), [5])
    return m.holder([[t.untyped_storage()], [t.storage(), t, t.storage()]][i % 2])


def cycles(m, i):
    x, d, o = [m.leaf()], {"a": m.leaf()}, OrderedDict(a=m.leaf())
    x.append(x)
    d["self"] = d
    o["list"] = [o]
    both = {"list": [1]}
    both["list"].append(both)
    attributed = OrderedDict(a=1)
    attributed.note = attributed
    through = [1]
    through.append({"t": (through, through)})
    return m.holder([(x, d, o, both, attributed, through, [d, x])[i % 7]])


def shared(m, i):
    one, two = [m.leaf()], {m.name(): m.leaf()}
    pair = (one, two)
    return m.holder([one, two, one, pair, [pair, two], {"again": pair}])


def lattice(m, i):
    value = [1]
    for _ in range(12):
        value = [value, value]
    return value


def protocol(number):
    def make(m, i):
        value = {
            "tree": m.tree(4),
            "t": m.tensor(torch.float32, [3]),
            "bytes": m.data(),
            "b": bytearray(m.data()),
            "set": {1, m.name()},
            "z": m.number(),
            "counter": Counter("aab"),
            "od": OrderedDict(a=1),
            "size": torch.Size([2]),
        }
        if number < 2 and i % 2:  # torch can load this in protocol 1
            value = {"tree": m.tree(4, leaf=lambda: m.rng.choice((None, m.real(), m.string(), m.integer() % 2**31))), "set": {1, "a"}, "size": torch.Size([2])}
        return Case("", value, save={"pickle_protocol": number}, wider=number >= 2)

    return make


def old_format(m, i):
    whole = m.tensor(torch.float32, [12])
    value = {"tree": m.tree(3), "t": m.tensor(), "whole": whole, "view": whole[3:7], "model": m.trained() if i % 2 else None}
    return Case("", value, save={"_use_new_zipfile_serialization": False})


def written_otherwise(m, i):
    value = {"tree": m.tree(2), "tensors": [m.tensor() for _ in range(4)]}
    return (
        Case("", value, crc32=False),
        Case("", value, config={"save.storage_alignment": 4096}),
        Case("", value, config={"save.storage_alignment": 1}),
        Case("", value, config={"save.storage_alignment": 1 << 16}),
    )[i % 4]


def lone_values(m, i):
    return m.rng.choice(
        (m.leaf, m.large_integer, m.tensor, m.number, lambda: m.key("dtype"), lambda: {m.key("int")}, lambda: bytearray(m.data()), lambda: torch.Size([1]))
    )()


class Colour(enum.Enum):
    RED = 1


def opaque(m, i):
    """Objects that torch refuses because their class is unknown."""
    import numpy

    strange = (
        numpy.float64(0.5),
        datetime.date(2020, 1, 2),
        Colour.RED,
        torch.nn.Linear(1, 1),
        numpy.arange(3),
        datetime.timedelta(3),
        Fraction(1, 3),
        slice(1, 2),
    )[i % 8]
    return {"tree": m.tree(3), "strange": [strange, m.leaf()], "t": m.tensor(), "after": {m.name(): strange, "more": m.tree(2)}}


def unsupported(m, i):
    f = m.tensor(torch.float32, [4])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            lambda: torch.eye(3).to_sparse(),
            lambda: torch.eye(3).to_sparse_csr(),
            lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
            lambda: torch.empty(2, device="meta"),
            lambda: torch.zeros(2, dtype=torch.uint8).view(torch.bits8),
            lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            lambda: torch.zeros(4, dtype=torch.uint8).view(torch.bits16),
            lambda: f.reshape([1] * 65 + [4]),
        )[i % 8]()


THEMES = {
    # name: (number of cases, function)
    "plain": (24, lambda m, i: m.tree(5)),
    "alone": (12, lone_values),
    "text": (8, lambda m, i: m.tree(3, leaf=m.string, key=m.name if i % 2 else m.string)),
    "large_int": (8, lambda m, i: m.tree(3, leaf=m.large_integer)),
    "float": (4, lambda m, i: m.tree(3, leaf=m.real)),
    "bytes": (4, lambda m, i: m.tree(3, leaf=lambda: m.rng.choice((m.data(), bytearray(m.data()))))),
    "complex": (4, lambda m, i: m.tree(3, leaf=m.number)),
    **{f"key_{kind}": (6, key_theme(kind)) for kind in "none bool int large_int float str bytes complex tuple dtype device layout size".split()},
    "key_equal": (6, key_values),
    "set": (12, set_theme),
    "containers": (16, known_containers),
    "defaultdict": (15, default_dict),
    "beyond": (6, containers_beyond),
    "attributedict": (2, attribute_dict),
    "tensors": (40, tensors),
    "dimensions": (6, dimensions),
    "parameters": (6, parameters),
    "lazy_views": (12, lazy_views),
    "storages": (10, storages),
    "trained": (16, lambda m, i: m.trained()),
    "shared": (6, shared),
    "lattice": (1, lattice),
    "cycles": (14, cycles),
    "deep": (16, deep),
    **{f"protocol{n}": (4, protocol(n)) for n in range(6)},
    "old_format": (12, old_format),
    "written": (8, written_otherwise),
    "opaque": (8, opaque),
    "unsupported": (8, unsupported),
}


def cases(seed):
    for theme, (count, make) in THEMES.items():
        for i in range(count):
            rng = random.Random(f"{seed} {theme} {i}")
            made = make(Maker(rng), i)
            case = made if isinstance(made, Case) else Case("", made)
            case.name = f"{theme}-{i}"
            yield case

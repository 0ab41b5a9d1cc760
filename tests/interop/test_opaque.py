"""Checkpoints with objects that cove does not read: they are opaque, and everything else loads."""

import datetime
import enum
import functools
import pathlib
import subprocess
from collections import defaultdict

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_torch import plain, shown, tool, url  # noqa: E402, F401


class Mode(enum.Enum):
    FAST = 1


class Own:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class OwnList(list):
    pass


class OwnDict(dict):
    pass


class OwnSet(set):
    pass


class OwnPath(pathlib.PurePosixPath):
    pass


class OwnTensor(torch.Tensor):
    pass


class Named(dict):
    def __getnewargs_ex__(self):
        return (), {"name": 1}

    def __new__(cls, name=None):
        return super().__new__(cls)


UNKNOWN = {
    "datetime": (datetime.datetime(2020, 1, 1), "datetime.datetime"),
    "enum": (Mode.FAST, f"{__name__}.Mode"),
    "object": (Own(a=torch.ones(3), b={"c": [1]}), f"{__name__}.Own"),
    "list": (OwnList([1, torch.ones(2)]), f"{__name__}.OwnList"),
    "dict": (OwnDict(a=1), f"{__name__}.OwnDict"),
    "set": (OwnSet([1, 2]), f"{__name__}.OwnSet"),
    "path": (OwnPath("/a"), f"{__name__}.OwnPath"),
    "class": (Own, f"{__name__}.Own"),
    "partial": (functools.partial(torch.optim.SGD, lr=0.1), "functools.partial"),
    "module": (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
    "tensor subclass": (torch.ones(2).as_subclass(OwnTensor), f"{__name__}.OwnTensor"),
    "sparse": (torch.eye(3).to_sparse(), "torch._utils._rebuild_sparse_tensor"),
    "quantized": (torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "torch._utils._rebuild_qtensor"),
    "meta": (torch.empty(2, device="meta"), "torch._utils._rebuild_meta_tensor_no_storage"),
}


def numpy_unknown():
    numpy = pytest.importorskip("numpy", reason="NumPy is not installed")
    return {"scalar": (numpy.float64(0.1), "numpy._core.multiarray.scalar"), "array": (numpy.ones(2), "numpy._core.multiarray._reconstruct")}


def check(tool, tmp_path, value, name, **save_options):
    """`value` between two others, which share memory with it or follow it."""
    path = tmp_path / "x.ckpt"
    weight = torch.arange(2.0)
    torch.save({"state_dict": {"w": weight}, "hp": {"x": value, "after": [weight, value, 7]}, "last": "z"}, path, **save_options)
    assert shown(tool("only", url(path), "state_dict")) == plain({"w": weight})
    assert shown(tool("lazy", url(path), "state_dict")) == plain({"w": weight})
    opaque = {"opaque": name}
    assert shown(tool("lazy", url(path), "hp")) == {"dict": [["x", opaque], ["after", {"list": [plain(weight), opaque, 7]}]]}
    assert shown(tool("lazy", url(path), "last")) == "z"
    assert tool("weights", url(path)) == "0 1\n"
    for command in (["show"], ["only"]):
        arguments = command + [url(path)] + (["hp"] if command == ["only"] else [])
        done = subprocess.run([tool.path, *arguments], capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith(("COVE_EUNSAFE: ", "COVE_ENOTSUP: "))
        assert '"hp.x"' in done.stderr and name in done.stderr, done.stderr


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", UNKNOWN)
def test_unknown_classes(tool, tmp_path, kind, protocol):
    check(tool, tmp_path, *UNKNOWN[kind], pickle_protocol=protocol)


@pytest.mark.parametrize("kind", ["scalar", "array"])
def test_numpy(tool, tmp_path, kind):
    check(tool, tmp_path, *numpy_unknown()[kind])


def test_named_arguments(tool, tmp_path):
    """Protocol 4 has an opcode for them."""
    check(tool, tmp_path, Named(name=2), f"{__name__}.Named", pickle_protocol=4)


def test_nothing_is_run(tool, tmp_path):
    class Evil:
        def __reduce__(self):
            return pathlib.Path.touch, (pathlib.PosixPath(tmp_path / "touched"),)

    torch.save({"state_dict": {"w": torch.ones(2)}, "evil": Evil()}, tmp_path / "x.ckpt")
    tool("lazy", url(tmp_path / "x.ckpt"), "evil")
    assert not (tmp_path / "touched").exists()


def test_weights_must_be_plain(tool, tmp_path):
    torch.save({"state_dict": {"w": torch.ones(2).as_subclass(OwnTensor)}}, tmp_path / "x.ckpt")
    assert f"w is an opaque {__name__}.OwnTensor, not a tensor" in tool("weights", url(tmp_path / "x.ckpt"), fails="COVE_EMISMATCH")


def test_save_is_refused(tool, tmp_path):
    torch.save({"a": [0, Own()]}, tmp_path / "x.ckpt")
    message = tool("copy_opaque", url(tmp_path / "x.ckpt"), url(tmp_path / "y.ckpt"), fails="COVE_ENOTSUP")
    assert f'"a.1" is an opaque {__name__}.Own' in message and not (tmp_path / "y.ckpt").exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_types(tool, tmp_path, protocol):
    """Types as values and as the factory of a defaultdict. Protocol 2 has Python 2's names for some."""
    types = [int, float, str, bool, bytes, bytearray, complex, tuple, list, dict, set, frozenset, range, object]
    value = {"types": types, "dicts": [defaultdict(kind, a=1) for kind in types + [Own, None]]}
    torch.save(value, tmp_path / "x.ckpt", pickle_protocol=protocol)
    expected = {"types": [f"builtins.{kind.__name__}" for kind in types], "dicts": [{"a": 1}] * (len(types) + 2)}
    assert shown(tool("show", url(tmp_path / "x.ckpt"))) == plain(expected)


@pytest.mark.parametrize("new", [True, False])
def test_module(tool, tmp_path, new):
    """The format before 1.6 stores the source of the class, too."""
    check(tool, tmp_path, *UNKNOWN["module"], _use_new_zipfile_serialization=new)


@pytest.mark.parametrize("new", [True, False])
def test_saved_model(tool, tmp_path, new):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pt", _use_new_zipfile_serialization=new)
    message = tool("weights", url(tmp_path / "x.pt"), fails="COVE_EMISMATCH")
    assert "a pickled torch.nn.modules.linear.Linear" in message and "model.state_dict()" in message


# (of what only the text or the parts are kept, what it looks like then, its name)
TWINS = [
    (torch.device("cuda:0"), "cuda:0", "torch.device"),
    (torch.float32, "torch.float32", "torch.dtype"),
    (torch.strided, "torch.strided", "torch.layout"),
    (pathlib.PurePosixPath("a/b"), "a/b", "pathlib.Path"),
    (1 + 2j, (1.0, 2.0), "builtins.complex"),
    (frozenset([1]), (1,), "builtins.frozenset"),
    ((torch.device("cpu"), 1), ("cpu", 1), "torch.device"),
]


@pytest.mark.parametrize("kind, twin, name", TWINS)
def test_similar_keys(tool, tmp_path, kind, twin, name):
    path = tmp_path / "x.pt"
    torch.save({"d": {kind: 1}}, path)
    assert shown(tool("show", url(path))) == plain({"d": {twin: 1}})
    for pairs in [(kind, 1), (twin, 2)], [(twin, 2), (kind, 1)]:
        torch.save({"d": dict(pairs), "w": 3}, path)
        expected = [[{"opaque": name} if key is kind else plain(key), value] for key, value in pairs]
        assert shown(tool("lazy", url(path), "d")) == {"dict": expected}
        assert shown(tool("only", url(path), "w")) == 3
        assert name in tool("show", url(path), fails="COVE_ENOTSUP")

"""Tensors of unusual kinds, as torch writes them: conjugated and negated views, bools of any byte, packed numbers."""

import itertools
import json

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_torch import plain, shown, tool, url  # noqa: E402, F401

pytestmark = pytest.mark.filterwarnings("ignore")


def saved(tmp_path, value, name="x.pt", **options):
    torch.save(value, tmp_path / name, **options)
    return url(tmp_path / name)


def resolved(value):
    """The tree with its views computed, as in cove's memory; strides stay."""
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item) for item in value]
    return value.resolve_conj().resolve_neg()


def same_elements(one, other):
    """Compares two trees of ckpt_tool without strides."""
    drop = {"object_hook": lambda item: {key: part for key, part in item.items() if key != "stride"}}
    return json.loads(json.dumps(one), **drop) == json.loads(json.dumps(other), **drop)


@pytest.mark.parametrize("dtype", ["complex32", "complex64", "complex128"])
def test_conjugated_views(tool, tmp_path, dtype):
    base = torch.arange(60.0, dtype=torch.float64).view(torch.complex128).reshape(5, 6).to(getattr(torch, dtype)) - 7
    value = {
        "base": base,
        "conj": base.conj(),
        "part": base.conj()[1:4, ::2],
        "turned": base.mH,
        "scalar": base[2, 3].conj(),
        "wide": base[0].conj().expand(3, 6),
        "both": torch._neg_view(base.conj()),
        "empty": base[:0].conj(),
    }
    if dtype == "complex32":
        del value["both"]  # torch can't compute it
    path = saved(tmp_path, value)
    seen = shown(tool("show", path))
    assert same_elements(seen, plain(resolved(value)))
    assert [item["stride"] for _, item in seen["dict"]] == [list(item.stride()) for item in value.values()]
    tool("copy", path, url(tmp_path / "y.pt"))
    again = torch.load(tmp_path / "y.pt", weights_only=True)
    assert same_elements(plain(again), plain(resolved(value)))
    assert not any(item.is_conj() or item.is_neg() for item in again.values())
    assert again["conj"].data_ptr() != again["base"].data_ptr()
    # views of one kind still share their memory
    assert again["part"].data_ptr() == again["conj"].data_ptr() + 6 * base.element_size()
    for name in ("conj", "part", "wide"):
        assert same_elements(shown(tool("lazy", path, name)), plain(resolved(value[name])))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64"])
def test_negated_views(tool, tmp_path, dtype):
    numbers = torch.tensor([0, 1, 2, 127, 128, 255, 5, 77, 100, 3, 19, 64]).to(getattr(torch, dtype)).reshape(3, 4)
    if dtype == "complex64":  # torch negates a zero to 0.0 or -0.0, depending on its vector units
        numbers = numbers + (0.5 + 2j)
    value = {"neg": torch._neg_view(numbers), "column": torch._neg_view(numbers)[:, 1], "plain": numbers}
    assert same_elements(shown(tool("show", saved(tmp_path, value))), plain(resolved(value)))


def test_imaginary_part_of_a_conjugate(tool, tmp_path):
    """torch saves it as a negated view of floats with a stride of 2; a large one is read in part when it is lazy."""
    base = torch.view_as_complex(torch.arange(80000.0).reshape(-1, 2))
    value = {"all": base.conj().imag, "few": base.conj().imag[100:105]}
    path = saved(tmp_path, value)
    assert same_elements(shown(tool("show", path)), plain(resolved(value)))
    assert same_elements(shown(tool("lazy", path, "few")), plain(resolved(value["few"])))


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_views_by_the_key_alone(tool, tmp_path, dtype):
    """torch checks only whether the metadata has the key."""
    base = torch.tensor([1, 2, 3]).to(getattr(torch, dtype))

    class View:
        def __init__(self, metadata):
            self.metadata = metadata

        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (base.storage(), 0, (3,), (1,), False, {}, self.metadata)

    keys = ["neg", "other"] + (["conj"] if dtype == "complex64" else [])
    for number, key in itertools.product((True, False), keys):
        path = saved(tmp_path, [View({key: number})])
        assert same_elements(shown(tool("show", path)), plain(resolved(torch.load(tmp_path / "x.pt", weights_only=True)))), key


def test_bools_of_any_byte(tool, tmp_path):
    """torch reads every nonzero byte as True; a C bool with a value other than 0 and 1 would be undefined behaviour."""
    base = torch.arange(70000).to(torch.uint8).view(torch.bool)
    value = {"all": base, "part": base[3:9], "steps": base[::7]}
    path = saved(tmp_path, value)
    expected = {name: tensor.to(torch.uint8).ne(0).clone() for name, tensor in value.items()}
    assert same_elements(shown(tool("show", path)), plain(expected))
    assert same_elements(shown(tool("lazy", path, "part")), plain(expected["part"]))
    # a storage without a tensor: one of bools is converted, an untyped one keeps its bytes
    few = torch.arange(6, dtype=torch.uint8)
    assert shown(tool("show", saved(tmp_path, few.view(torch.bool).storage())))["data"] == "000101010101"
    assert shown(tool("show", saved(tmp_path, few.view(torch.bool).untyped_storage())))["data"] == "000102030405"
    safe = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    safe.save_file({"b": few.view(torch.bool)}, tmp_path / "x.safetensors")
    assert dict(shown(tool("show", url(tmp_path / "x.safetensors")))["dict"])["b"]["data"] == "000101010101"


def test_bools_beside_bytes_of_one_storage(tool, tmp_path):
    """Each has its own values in its own memory."""
    few = torch.arange(6, dtype=torch.uint8)
    dtypes = (torch.bool, torch.uint8, torch.int8)

    class View:
        def __init__(self, dtype):
            self.dtype = dtype

        def __reduce__(self):
            return torch._utils._rebuild_tensor_v3, (few.untyped_storage(), 0, (6,), (1,), False, {}, self.dtype)

    for order in itertools.permutations(dtypes):
        seen = shown(tool("show", saved(tmp_path, [View(dtype) for dtype in order])))["list"]
        expected = ["000101010101" if dtype is torch.bool else "000102030405" for dtype in order]
        assert [item["data"] for item in seen] == expected


def test_more_dimensions_than_cove_has(tool, tmp_path):
    deep = torch.ones([1] * 64)
    assert shown(tool("show", saved(tmp_path, [deep]))) == plain([deep])
    path = saved(tmp_path, {"deep": deep[None], "flat": torch.ones(3)})
    message = tool("show", path, fails="COVE_ENOTSUP")
    assert '"deep": ' in message and "65 dimensions" in message
    assert shown(tool("only", path, "flat")) == plain(torch.ones(3))
    safe = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    safe.save_file({"deep": deep[None]}, tmp_path / "x.safetensors")
    assert '"deep": 65 dimensions' in tool("show", url(tmp_path / "x.safetensors"), fails="COVE_ENOTSUP")


def test_packed_numbers_in_safetensors(tool, tmp_path):
    """The file counts numbers, torch and cove pairs of them."""
    safe = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    value = {"grid": torch.arange(24, dtype=torch.uint8).view(torch.float4_e2m1fn_x2).reshape(2, 3, 4)}
    tool("copy", saved(tmp_path, {"grid": value["grid"].permute(2, 0, 1)}), url(tmp_path / "x.safetensors"))
    again = safe.load_file(tmp_path / "x.safetensors")["grid"]
    assert plain(again)["data"] == plain(value["grid"].view(torch.uint8).permute(2, 0, 1))["data"]
    assert again.shape == (4, 2, 3) and b"[4,2,6]" in (tmp_path / "x.safetensors").read_bytes()
    path = saved(tmp_path, {"s": value["grid"][0, 0, 0]})
    assert '"s"' in tool("copy", path, url(tmp_path / "y.safetensors"), fails="COVE_ENOTSUP")

"""Checkpoints between cove and real PyTorch, Lightning and safetensors, both ways. `ckpt_tool` is the C side."""

import io
import json
import struct
import subprocess
import zipfile
from collections import Counter, OrderedDict, defaultdict

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

DTYPES = """bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
    float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz uint16 uint32 uint64 float8_e8m0fnu float4_e2m1fn_x2""".split()
SAFE_DTYPES = [name for name in DTYPES if name not in ("complex32", "complex128")]

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def tool(build):
    """Runs ckpt_tool. `fails`: the name of the expected error (or several); then the result is its message."""

    def run(*args, fails=None):
        done = subprocess.run([build / "tests/interop/ckpt_tool", *map(str, args)], capture_output=True, text=True, timeout=120)
        if fails:
            name = done.stderr.partition(": ")[0]
            assert done.returncode == 1 and name in ([fails] if isinstance(fails, str) else fails), done.stderr
            return done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.path = build / "tests/interop/ckpt_tool"
    return run


def url(path):
    return f"file://{path}"


def plain(value):
    """A loaded object as ckpt_tool shows it."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return {"int": value.to_bytes(max(value, ~value).bit_length() // 8 + 1, "little", signed=True).hex()}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, complex):
        return {"tuple": [plain(value.real), plain(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, torch.Tensor):
        packed = value.detach().contiguous().clone()
        return {
            "tensor": str(value.dtype).removeprefix("torch."),
            "shape": list(value.shape),
            "stride": list(value.stride()),
            "data": bytes(packed.untyped_storage().tolist()).hex(),
        }
    if isinstance(value, (torch.device, torch.dtype)):
        return str(value)
    if isinstance(value, dict):
        return {"dict": [[plain(key), plain(item)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [plain(item) for item in value]}
    assert isinstance(value, (list, set, frozenset)), type(value)
    return {"list": [plain(item) for item in value]}


def shown(text):
    """What ckpt_tool printed, floats in Python's spelling."""

    def mend(item):
        if isinstance(item, dict) and "float" in item:
            return {"float": float(item["float"]).hex() if "x" not in item["float"] else float.fromhex(item["float"]).hex()}
        return item

    return json.loads(text, object_hook=mend)


def random_tensor(name, *shape):
    """Any bits at all, but for bool."""
    dtype = getattr(torch, name)
    size = torch.empty(0, dtype=dtype).element_size()
    count = 1
    for length in shape:
        count *= length
    generator = torch.Generator().manual_seed(7)
    bits = torch.randint(0, 2 if name == "bool" else 256, (count * size,), dtype=torch.uint8, generator=generator)
    return bits.view(dtype).reshape(shape)


def check_both_ways(tool, tmp_path, value, **save_options):
    """torch writes, C reads; C writes it again, torch reads it without running code."""
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    torch.save(value, first, **save_options)
    expected = plain(value)
    assert shown(tool("show", url(first))) == expected
    tool("copy", url(first), url(second))
    again = torch.load(second, weights_only=True)
    assert plain(again) == expected
    with zipfile.ZipFile(second) as archive:
        assert archive.testzip() is None
    return again


# ---- tensors ----


@pytest.mark.parametrize("name", DTYPES)
def test_dtype(tool, tmp_path, name):
    check_both_ways(tool, tmp_path, {"t": random_tensor(name, 3, 5), "scalar": random_tensor(name), "empty": random_tensor(name, 0, 2)})


def test_strides_and_shared_storages(tool, tmp_path):
    base = torch.arange(24.0).reshape(4, 6)
    value = {
        "base": base,
        "turned": base.t(),
        "part": base[1:3, 2:5],
        "steps": base.flatten()[::5],
        "row": base[2],
        "one": base[3, 5],
        "wide": base[0].expand(7, 6),
        "alone": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
        "parameter": torch.nn.Parameter(torch.ones(3)),
    }
    again = check_both_ways(tool, tmp_path, value)
    again["base"].fill_(5)
    for name in ("turned", "part", "steps", "row", "one", "wide"):
        assert (again[name] == 5).all(), name
    assert (again["alone"] != 5).any() and (again["parameter"] == 1).all()


def test_tied_weights(tool, tmp_path):
    model = torch.nn.ModuleDict({"in": torch.nn.Embedding(5, 3), "out": torch.nn.Linear(3, 5, bias=False)})
    model["out"].weight = model["in"].weight
    again = check_both_ways(tool, tmp_path, model.state_dict())
    assert again["in.weight"].data_ptr() == again["out.weight"].data_ptr()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_values(tool, tmp_path, protocol):
    value = {
        "ints": [0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**40, 2**63 - 1, -1, -129, -(2**31), -(2**63)],
        "floats": [0.1, -0.0, 1e308, 5e-324, float("inf"), float("-inf")],
        "others": (None, True, False, "", "grüß 🐍", "x"),
        "bytes": [b"", b"\x00\x7f\x80\xff", b"a" * 300, bytearray(b"\xfe")],
        "nested": {"a": {"b": {"c": [[], (), {}]}}, 3: (1,), -2: (1, 2), 4: (1, 2, 3, 4)},
        "ordered": OrderedDict(z=1, a=2),
        "counter": Counter("aab"),
        "set": {7},
        "complex": 1 - 2j,
        "size": torch.Size([2, 3]),
        "devices": [torch.device("cpu"), torch.device("cuda:1")],
        "dtypes": [torch.float32, torch.bfloat16, torch.uint16],
        "long": "k" * 70000,
        "many": list(range(3000)),
    }
    shared = [1, 2]
    value["shared"] = [shared, shared]
    check_both_ways(tool, tmp_path, value, pickle_protocol=protocol)


def test_containers_beyond_weights_only(tool, tmp_path):
    import argparse
    import pathlib

    values = defaultdict(list, a=[1])
    path = tmp_path / "x.pt"
    torch.save({"d": values, "n": argparse.Namespace(lr=0.5, path=pathlib.PurePosixPath("/a/b"))}, path)
    assert shown(tool("show", url(path))) == plain({"d": {"a": [1]}, "n": {"lr": 0.5, "path": "/a/b"}})


def test_attributes_of_tensors_are_dropped(tool, tmp_path):
    tensor = torch.ones(2)
    tensor.note = "x"
    parameter = torch.nn.Parameter(torch.ones(3))
    parameter.note = "y"
    torch.save([tensor, parameter, torch.nn.Buffer(torch.ones(1))], tmp_path / "x.pt")
    assert shown(tool("show", url(tmp_path / "x.pt"))) == plain([torch.ones(2), torch.ones(3), torch.ones(1)])


# ---- optimizers, models, Lightning ----


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_optimizer_state(tool, tmp_path, kind):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2))

    def optimizer_of(module):
        if kind == "SGD":
            return torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        return torch.optim.AdamW(module.parameters(), lr=1e-3, amsgrad=True)

    def train(module, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            module(torch.arange(12.0).reshape(3, 4)).square().mean().backward()
            optimizer.step()

    optimizer = optimizer_of(model)
    train(model, optimizer, 3)
    again = check_both_ways(tool, tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    other = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2))
    other_optimizer = optimizer_of(other)
    other.load_state_dict(again["model"])
    other_optimizer.load_state_dict(again["optimizer"])
    train(model, optimizer, 2)
    train(other, other_optimizer, 2)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def make_lightning(root):
    import lightning

    class Classifier(lightning.LightningModule):
        def __init__(self, hidden=8, lr=1e-3, name="x"):
            super().__init__()
            self.save_hyperparameters()
            self.layers = torch.nn.Sequential(torch.nn.Linear(4, hidden), torch.nn.BatchNorm1d(hidden), torch.nn.Linear(hidden, 2))

        def training_step(self, batch, _):
            loss = torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
            return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1)}

    def trainer(epochs):
        callbacks = [
            lightning.pytorch.callbacks.ModelCheckpoint(dirpath=root, monitor="loss", save_last=True),
            lightning.pytorch.callbacks.EarlyStopping("loss", patience=50),
        ]
        return lightning.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            devices=1,
            logger=False,
            default_root_dir=root,
            callbacks=callbacks,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    torch.manual_seed(1)
    data = torch.utils.data.TensorDataset(torch.randn(32, 4), torch.randint(0, 2, (32,)))
    return Classifier, trainer, torch.utils.data.DataLoader(data, 8)


def test_lightning(tool, tmp_path):
    pytest.importorskip("lightning", reason="Lightning is not installed")
    module, trainer, loader = make_lightning(tmp_path)
    trainer(2).fit(module(), loader)
    first, second = tmp_path / "last.ckpt", tmp_path / "copied.ckpt"
    expected = torch.load(first, weights_only=True)
    assert {"optimizer_states", "lr_schedulers", "loops", "callbacks", "hyper_parameters", "pytorch-lightning_version"} <= set(expected)
    assert shown(tool("show", url(first))) == plain(expected)
    tool("copy", url(first), url(second))
    assert plain(torch.load(second, weights_only=True)) == plain(expected)
    again = module.load_from_checkpoint(second, weights_only=True)
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, expected["state_dict"][name]), name
    resumed = trainer(4)
    resumed.fit(module(), loader, ckpt_path=second, weights_only=True)
    assert resumed.current_epoch == 4 and resumed.global_step == 16


# ---- what C makes ----


def test_torch_loads_a_checkpoint_made_in_c(tool, tmp_path, monkeypatch):
    path = tmp_path / "made.pt"
    tool("make", url(path))
    monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")  # torch checks that each record is where it computes it to be
    tree = torch.load(path, weights_only=True)
    assert shown(tool("show", url(path))) == plain(tree)
    assert list(tree)[: len(DTYPES)] == DTYPES
    for name in DTYPES:
        assert tree[name].dtype == getattr(torch, name) and tree[name].shape == (2, 3)
        assert bytes(tree[name].untyped_storage().tolist()) == bytes(i % 2 for i in range(tree[name].nbytes))
    inner = tree["inner"]
    assert torch.equal(inner["grid"], torch.arange(12.0))
    assert torch.equal(inner["grid.t"], torch.arange(12.0).reshape(3, 4).t()) and inner["grid.t"].stride() == (1, 4)
    assert torch.equal(inner["tail"], torch.arange(6.0, 12.0)) and inner["scalar"].item() == 5
    assert torch.equal(inner["broadcast"], torch.arange(3.0).expand(5, 3)) and inner["empty"].shape == (0, 3)
    assert inner["tail"].data_ptr() == inner["grid"].data_ptr() + 24  # overlaps were saved as one storage
    assert inner["mixed.b"].data_ptr() == inner["mixed.a"].data_ptr() + 8 and inner["mixed.b"].dtype == torch.int32
    assert inner[-7] == [0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**63 - 1, -1, -(2**31), -(2**63)]
    assert inner["tuple"] == (0.1, -1e308, True, None, b"\x00\x80\xffabc", "grüß 🐍", (), {}, [])


def test_a_checkpoint_made_in_c_can_be_memory_mapped(tool, tmp_path):
    from torch.utils.serialization import config

    path = tmp_path / "made.pt"
    tool("make", url(path))
    with config.patch({"load.calculate_storage_offsets": True}):
        mapped = torch.load(path, weights_only=True, mmap=True)
    assert plain(mapped) == plain(torch.load(path, weights_only=True))


# ---- torch's ways of writing ----


def test_without_crc(tool, tmp_path):
    was = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"t": torch.arange(5)}, tmp_path / "x.pt")
    finally:
        torch.serialization.set_crc32_options(was)
    assert shown(tool("show", url(tmp_path / "x.pt"))) == plain({"t": torch.arange(5)})


def test_other_alignment(tool, tmp_path):
    from torch.utils.serialization import config

    value = {"a": torch.arange(5000), "b": torch.arange(3.0)}
    with config.patch({"save.storage_alignment": 4096}):
        torch.save(value, tmp_path / "x.pt")
    assert shown(tool("show", url(tmp_path / "x.pt"))) == plain(value)


def test_lazy(tool, tmp_path):
    value = {"optimizer_states": [{"state": {0: {"exp_avg": torch.arange(4.0)}}}], "large": torch.zeros(300000)}
    torch.save(value, tmp_path / "x.pt")
    text = tool("lazy", url(tmp_path / "x.pt"), "optimizer_states.0.state.0.exp_avg")
    assert shown(text) == plain(torch.arange(4.0))


# ---- refusals ----


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("true",)


@pytest.mark.parametrize(
    "value, code, reason",
    [
        (Evil(), "COVE_EUNSAFE", "posix.system"),
        (io.BytesIO(b"x"), "COVE_EUNSAFE", "_io.BytesIO"),
        (torch.nn.Linear(1, 1), "COVE_EUNSAFE", "torch.nn.modules.linear.Linear"),
        (torch.eye(3).to_sparse(), "COVE_ENOTSUP", "_rebuild_sparse_tensor"),
        (torch.zeros(2, dtype=torch.uint8).view(torch.bits8), "COVE_ENOTSUP", "torch.bits8"),
        (torch.ones([1] * 65), "COVE_ENOTSUP", "65 dimensions"),
        (torch.empty(2, device="meta"), "COVE_ENOTSUP", "_rebuild_meta_tensor_no_storage"),
    ],
)
def test_refused(tool, tmp_path, value, code, reason):
    torch.save(value, tmp_path / "x.pt")
    message = tool("show", url(tmp_path / "x.pt"), fails=code)
    assert reason in message and url(tmp_path / "x.pt") in message


def test_torchscript_is_refused(tool, tmp_path):
    """It has a data.pkl like a checkpoint. torch refuses it with weights_only too."""
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "x.pt")
    with pytest.raises(RuntimeError, match="TorchScript"):
        torch.load(tmp_path / "x.pt", weights_only=True)
    assert "TorchScript" in tool("show", url(tmp_path / "x.pt"), fails="COVE_ENOTSUP")


@pytest.mark.parametrize("text", [b"0", b"1", b"3\n", b"10", b"11", b"", b"x", b" 3", b"+3", b"-3", b"3x", b"0x3", b"003", b"\x003", b"9" * 20, None])
@pytest.mark.parametrize("name", ["version", ".data/version"])
def test_version_of_the_archive(tool, tmp_path, name, text):
    torch.save({"t": torch.ones(2)}, tmp_path / "x.pt")
    with zipfile.ZipFile(tmp_path / "x.pt") as old, zipfile.ZipFile(tmp_path / "y.pt", "w") as new:
        for record in old.namelist():
            if record != f"x/{name}" and (text is not None or record != "x/version"):
                new.writestr(record, old.read(record))
        if text is not None:
            new.writestr(f"x/{name}", text)
    try:
        torch.load(tmp_path / "y.pt", weights_only=True)
        taken = True
    except (RuntimeError, IndexError):
        taken = False
    if taken:
        tool("show", url(tmp_path / "y.pt"))
    else:
        tool("show", url(tmp_path / "y.pt"), fails=("COVE_ENOTSUP", "COVE_ECORRUPT"))


def test_compressed_archive_is_refused(tool, tmp_path):
    torch.save({"t": torch.zeros(500)}, tmp_path / "x.pt")
    with zipfile.ZipFile(tmp_path / "x.pt") as old, zipfile.ZipFile(tmp_path / "y.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert "compressed" in tool("show", url(tmp_path / "y.pt"), fails="COVE_ENOTSUP")


def test_repacked_by_zipfile(tool, tmp_path):
    """Another writer's archive: no padding, sizes in the local headers."""
    value = {"a": torch.arange(7), "b": torch.arange(3.0)}
    torch.save(value, tmp_path / "x.pt")
    with zipfile.ZipFile(tmp_path / "x.pt") as old, zipfile.ZipFile(tmp_path / "y.pt", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert shown(tool("show", url(tmp_path / "y.pt"))) == plain(value)


def test_truncated(tool, tmp_path):
    torch.save({"t": torch.zeros(5000)}, tmp_path / "x.pt")
    data = (tmp_path / "x.pt").read_bytes()
    for size in (len(data) - 1, len(data) // 2, 100):
        (tmp_path / "y.pt").write_bytes(data[:size])
        tool("show", url(tmp_path / "y.pt"), fails="COVE_ECORRUPT")


# ---- safetensors ----


@pytest.mark.parametrize("name", SAFE_DTYPES)
def test_safetensors_dtype(tool, tmp_path, name):
    safetensors = pytest.importorskip("safetensors", reason="safetensors is not installed")
    safe = pytest.importorskip("safetensors.torch")
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    value = {"t": random_tensor(name, 3, 5), "b": torch.tensor([True]), "scalar": random_tensor(name), "empty": random_tensor(name, 0, 2)}
    if name == "float4_e2m1fn_x2":
        del value["scalar"]  # the format counts numbers, and a byte holds two
    safe.save_file(value, first, metadata={"format": "pt", "quote": 'a"\\\n\u00e4'})
    tree = dict(map(tuple, shown(tool("show", url(first)))["dict"]))
    assert dict(tree.pop("__metadata__")["dict"]) == {"format": "pt", "quote": 'a"\\\n\u00e4'}
    assert tree == {key: plain(tensor) for key, tensor in value.items()}
    tool("copy", url(first), url(second))
    again = safe.load_file(second)
    assert {key: plain(tensor) for key, tensor in again.items()} == tree
    with safetensors.safe_open(second, "pt") as opened:
        assert opened.metadata() == {"format": "pt", "quote": 'a"\\\n\u00e4'}


def test_safetensors_strides(tool, tmp_path):
    safe = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    base = torch.arange(60000.0).reshape(200, 300)
    torch.save({"base": base, "turned": base.t(), "column": base[:, 7], "wide": base[0].expand(3, 300)}, tmp_path / "x.pt")
    tool("copy", url(tmp_path / "x.pt"), url(tmp_path / "x.safetensors"))
    again = safe.load_file(tmp_path / "x.safetensors")
    assert list(again) and torch.equal(again["base"], base) and torch.equal(again["turned"], base.t())
    assert torch.equal(again["column"], base[:, 7]) and torch.equal(again["wide"], base[0].expand(3, 300))


def test_safetensors_has_no_tree(tool, tmp_path):
    torch.save({"t": torch.ones(1), "epoch": 3}, tmp_path / "x.pt")
    message = tool("copy", url(tmp_path / "x.pt"), url(tmp_path / "x.safetensors"), fails="COVE_EINVAL")
    assert '"epoch" is of type int' in message and not (tmp_path / "x.safetensors").exists()


# ---- more than 4 GiB: files with a hole where the zeros are ----

LARGE = (1 << 32) + 4096 + 7


def test_zip64_from_c(tool, tmp_path, monkeypatch):
    path = tmp_path / "large.pt"
    tool("sparse", path, LARGE)
    assert path.stat().st_size > LARGE and path.stat().st_blocks < 1 << 16
    monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")
    tree = torch.load(path, weights_only=True, mmap=True)
    assert tree["large"].shape == (LARGE,) and tree["large"][-5:].sum() == 0
    assert tree["after"].tolist() == [1, 2, 3]
    assert shown(tool("lazy", url(path), "after")) == plain(torch.tensor([1, 2, 3]))


def test_zip64_from_torch(tool, tmp_path):
    path = tmp_path / "large.pt"
    was = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        with torch.serialization.skip_data():  # torch leaves room for the data and writes none
            torch.save({"large": torch.empty(LARGE, dtype=torch.uint8), "after": torch.empty(3, dtype=torch.int64)}, path)
    finally:
        torch.serialization.set_crc32_options(was)
    assert path.stat().st_size > LARGE and path.stat().st_blocks < 1 << 16
    with open(path, "r+b") as file:
        file.seek(torch._C.PyTorchFileReader(str(path)).get_record_offset("data/1"))
        file.write(struct.pack("=3q", 1, 2, 3))
    assert shown(tool("lazy", url(path), "after")) == plain(torch.tensor([1, 2, 3]))


@pytest.mark.parametrize("first", range(9))
def test_views_of_several_widths_over_one_storage(tool, tmp_path, first):
    """Each view begins where its elements allow; the file of the copy does, too, wherever the first of them begins."""
    storage = torch.arange(64, dtype=torch.uint8)
    wide = storage.view(torch.uint64)[2:]
    views = {"bytes": storage[first:40], "pairs": storage.view(torch.uint16)[4:], "wide": wide, "few": storage[first + 1 :]}
    torch.save(views, tmp_path / "x.pt")
    tool("copy", url(tmp_path / "x.pt"), url(tmp_path / "y.pt"))
    again = torch.load(tmp_path / "y.pt", weights_only=True)
    assert {name: view.numpy().tobytes() for name, view in again.items()} == {name: view.numpy().tobytes() for name, view in views.items()}
    assert shown(tool("show", url(tmp_path / "y.pt"))) == plain(again)  # its CRCs hold, too
    again["bytes"].zero_()
    assert again["wide"].numpy().tobytes()[: 40 - 16] == bytes(24)  # still one memory

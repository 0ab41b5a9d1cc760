"""torch's format before 1.6, which torch still reads and can write."""

import io
import struct
import subprocess
import tarfile
from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_torch import DTYPES, plain, random_tensor, shown, tool, url  # noqa: E402, F401

pytestmark = pytest.mark.filterwarnings("ignore")


def saved(tmp_path, value, name="x.pt", **options):
    torch.save(value, tmp_path / name, _use_new_zipfile_serialization=False, **options)
    return url(tmp_path / name)


@pytest.fixture
def value():
    base = torch.arange(24.0).reshape(4, 6)
    tree = OrderedDict((name, random_tensor(name, 3, 5)) for name in DTYPES)
    tree["views"] = [base, base.t(), base[1:3, 2:5], base[0].expand(3, 6), torch.nn.Parameter(base[2])]
    tree["empty"] = torch.zeros(0, 3)
    tree["others"] = (1, 0.5, None, "grüß", b"\x00\xff", {3: True})
    return tree


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_values(tool, tmp_path, value, protocol):
    path = saved(tmp_path, value, pickle_protocol=protocol)
    assert shown(tool("show", path)) == plain(value)
    tool("copy", path, url(tmp_path / "y.pt"))
    again = torch.load(tmp_path / "y.pt", weights_only=True)
    assert plain(again) == plain(value)
    assert again["views"][1].data_ptr() == again["views"][0].data_ptr()
    for name in ("uint16", "views.2", "empty", "others"):
        tool("lazy", path, name)
        tool("only", path, name)
    assert shown(tool("lazy", path, "views.2")) == plain(value["views"][2])


def test_a_pickle_longer_than_the_first_read(tool, tmp_path):
    value = {"text": "k" * 200_000, "many": list(range(300_000)), "t": torch.arange(100_000), "u": torch.arange(3)}
    for protocol in (2, 4):
        path = saved(tmp_path, value, pickle_protocol=protocol)
        assert shown(tool("show", path)) == plain(value)
        assert shown(tool("lazy", path, "u")) == plain(value["u"])


def test_views_that_torch_leaves_to_the_reader(tool, tmp_path):
    base = torch.tensor([1 + 2j, 3 - 4j])
    seen = shown(tool("show", saved(tmp_path, [base, base.conj(), torch.arange(4, dtype=torch.uint8).view(torch.bool)])))["list"]
    assert [item["data"] for item in seen[:2]] == [plain(item)["data"] for item in (base, base.conj().resolve_conj())]
    assert seen[2]["data"] == "00010101"


def test_truncated_anywhere(build, tool, tmp_path):
    """A truncated file is always an error."""
    path = saved(tmp_path, {"a": torch.arange(5), "b": torch.arange(3.0)})
    whole = (tmp_path / "x.pt").read_bytes()
    assert shown(tool("show", path))
    for size in range(len(whole)):
        (tmp_path / f"{size}.pt").write_bytes(whole[:size])
    urls = "".join(url(tmp_path / f"{size}.pt") + "\n" for size in range(len(whole)))
    done = subprocess.run([build / "tests/interop/ckpt_tool", "each"], input=urls, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert len(lines) == len(whole) > 500 and all(line.startswith("COVE_ECORRUPT: ") for line in lines)


def test_a_wrong_number_of_pickles(tool, tmp_path):
    saved(tmp_path, torch.arange(5))
    data = (tmp_path / "x.pt").read_bytes()
    (tmp_path / "x.pt").write_bytes(data[:-48] + struct.pack("<q", 6) + data[-40:])
    assert "6 elements in the file, and 5 in the pickle" in tool("show", url(tmp_path / "x.pt"), fails="COVE_ECORRUPT")


def test_refused(tool, tmp_path):
    assert "_io.BytesIO" in tool("show", saved(tmp_path, [io.BytesIO(b"x")]), fails="COVE_EUNSAFE")
    saved(tmp_path, [1])
    data = (tmp_path / "x.pt").read_bytes()
    assert data.count(b"M\xe9\x03.") == 1
    (tmp_path / "x.pt").write_bytes(data.replace(b"M\xe9\x03.", b"M\xea\x03."))
    assert "version" in tool("show", url(tmp_path / "x.pt"), fails="COVE_ENOTSUP")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.add(tmp_path / "x.pt", "storages")
    assert "tar archive" in tool("show", url(tmp_path / "x.tar"), fails="COVE_ENOTSUP")

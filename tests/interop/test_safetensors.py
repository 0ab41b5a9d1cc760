"""Compares cove's safetensors reader with the package on the files of safetensors_cases.py: both load the same values. If the package refuses a file,
cove does as well, with a reason. Intended differences are listed here and in docs/checkpoints.md."""

import json
import subprocess

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
safetensors = pytest.importorskip("safetensors", reason="safetensors is not installed")

from safetensors_cases import all_cases  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

# What the package loads and cove refuses: a part of cove's message, and the reason.
REFUSED_BY_COVE = {
    "duplicate": "two readers of such a file may well read different things; the package takes the last",
    "has a NUL in it": "names are C strings",
    "dimensions, at most 64 are supported": "COVE_TENSOR_MAX_DIMS",
    "neither a file of torch.save nor a safetensors file": "the format's text requires that the header begins with {: white space before it",
    "dtype, shape or data_offsets are missing or of the wrong type": "an entry as a list, a dtype as an object: accidents of the package's parser",
    "deeper than 32": "a key of no meaning with more than 31 levels",
}
# What cove loads and the package refuses: a part of the package's message, and what it is about.
REFUSED_BY_PACKAGE = {
    "number out of range": "a key of no meaning with a number beyond the range of a double, which cove does not read",
    "overflow computing buffer size": "a tensor without elements, the product of whose other lengths is beyond 64 bits",
}


def plain(tensor):
    if tensor.dtype is torch.bool:
        data = bytes(tensor.flatten().tolist())
    else:
        data = bytes(tensor.contiguous().clone().untyped_storage().tolist())
    return [str(tensor.dtype).removeprefix("torch."), list(tensor.shape), data.hex()]


def by_package(path):
    """(tensors, metadata), or the error message."""
    try:
        with safetensors.safe_open(path, "pt") as opened:
            return {name: plain(opened.get_tensor(name)) for name in opened.keys()}, opened.metadata()
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, OverflowError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"


def by_cove(line):
    if not line.startswith("OK "):
        return line
    tree = dict(map(tuple, json.loads(line[3:])["dict"]))
    metadata = tree.pop("__metadata__", None)
    tensors = {name: [item["tensor"], item["shape"], item["data"]] for name, item in tree.items()}
    return tensors, metadata and dict(map(tuple, metadata["dict"]))


def test_files_beside_the_package(build, tmp_path):
    cases = list(all_cases())
    for number, (_, content) in enumerate(cases):
        (tmp_path / f"{number}.safetensors").write_bytes(content)
    paths = [tmp_path / f"{number}.safetensors" for number in range(len(cases))]
    done = subprocess.run([build / "tests/interop/ckpt_tool", "each"], input="".join(f"file://{path}\n" for path in paths), capture_output=True,
                          encoding="utf-8", errors="surrogateescape", timeout=120)  # fmt: skip
    lines = done.stdout.split("\n")[:-1]
    assert done.returncode == 0 and len(lines) == len(cases), done.stderr
    different, loaded, used = [], 0, set()
    for (name, _), path, line in zip(cases, paths, lines):
        cove, package = by_cove(line), by_package(path)
        loaded += not isinstance(package, str)
        if isinstance(cove, str) and isinstance(package, str):
            same = cove.startswith(("COVE_ECORRUPT: ", "COVE_ENOTSUP: "))
        elif isinstance(cove, str):
            reasons = {part for part in REFUSED_BY_COVE if part in cove}
            same = bool(reasons)
            used |= reasons
        elif isinstance(package, str):
            reasons = {part for part in REFUSED_BY_PACKAGE if part in package}
            same = bool(reasons)
            used |= reasons
        else:
            same = cove[0] == package[0] and (cove[1] or {}) == (package[1] or {})
        if not same:
            different.append(f"{name}\n    cove: {str(cove)[:300]}\n    package: {str(package)[:300]}")
    assert not different, f"{len(different)} of {len(cases)}:\n" + "\n".join(different)
    assert used == {*REFUSED_BY_COVE, *REFUSED_BY_PACKAGE}
    assert len(cases) > 700 and loaded > 350

"""Python objects in the format of ckpt_dump.c, by the mapping of docs/checkpoints.md, to compare what torch and cove load."""

import argparse
import json
import pathlib
import struct
import subprocess
import types
import zlib

import torch

DTYPES = {
    getattr(torch, name)
    for name in """bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex32 complex64 complex128
    float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 uint16 uint32 uint64""".split()
}
OPAQUE = ["o"]  # an object that the mapping does not have
SET = "set"  # instead of "l": the order of the items is not defined


def text(value):
    """Escapes a string as ckpt_dump does: byte by byte."""
    return value.encode("utf-8", "surrogatepass").decode("latin-1")


def tensor(value):
    if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_nested or value.dtype not in DTYPES or value.dim() > 64:
        return OPAQUE
    with torch.no_grad():
        packed = value.detach().resolve_conj().resolve_neg().contiguous().clone()
        if value.dtype == torch.bool:
            packed = packed.view(torch.uint8) != 0  # nonzero bytes are True
        data = bytes(packed.untyped_storage().tolist()) if packed.numel() else b""
    return ["T", str(value.dtype).removeprefix("torch."), list(value.shape), zlib.crc32(data)]


def canonical(value, path=()):
    """`path`: the containers from the root to here."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        bits = (value if value >= 0 else ~value).bit_length() + 1
        return value if bits <= 64 else ["i", value.to_bytes((bits + 7) // 8, "little", signed=True).hex()]
    if isinstance(value, str):
        return text(value)
    if type(value) is float:  # numpy has a subclass
        return ["f", struct.pack(">d", value).hex()]
    if isinstance(value, complex):
        return ["t", canonical(value.real), canonical(value.imag)]
    if isinstance(value, (bytes, bytearray)):
        return ["b", bytes(value).hex()]
    if isinstance(value, torch.Tensor):
        return tensor(value)
    if isinstance(value, torch.storage.TypedStorage):
        return tensor(torch.tensor([], dtype=value.dtype).set_(value.untyped()))
    if isinstance(value, torch.UntypedStorage):
        return tensor(torch.tensor([], dtype=torch.uint8).set_(value))
    if isinstance(value, (torch.device, torch.dtype, torch.layout, pathlib.PurePath)):
        return text(str(value))
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return text(f"{value.__module__}.{value.__qualname__}")
    if isinstance(value, torch.serialization.StorageType):  # what weights_only takes a storage's class for
        return text(f"torch.{torch.storage._dtype_to_storage_type_map()[value.dtype]}")
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        return canonical(vars(value), path)
    for up, above in enumerate(reversed(path)):
        if above is value:
            return ["^", up + 1]
    path += (value,)
    if isinstance(value, dict):
        return ["d", *([canonical(key, path), canonical(item, path)] for key, item in value.items())]
    if isinstance(value, (set, frozenset)):
        return [SET, *(canonical(item, path) for item in value)]
    if isinstance(value, tuple):
        return ["t", *(canonical(item, path) for item in value)]
    if isinstance(value, list):
        return ["l", *(canonical(item, path) for item in value)]
    return OPAQUE


def has_opaque(spelling):
    return spelling == OPAQUE or isinstance(spelling, list) and any(map(has_opaque, spelling[1:]))


def difference(expected, got, where="$"):
    """Describes the first difference; None: equal."""
    if type(expected) is not type(got):
        return f"{where}: {expected!r:.200} and {got!r:.200}"
    if not isinstance(expected, list):
        return None if expected == got else f"{where}: {expected!r:.200} and {got!r:.200}"
    if expected and expected[0] == SET and got and got[0] in ("l", SET):
        expected, got = ([value[0], *sorted(value[1:], key=json.dumps)] for value in (expected, got))
        got[0] = SET
    if len(expected) != len(got):
        return f"{where}: {len(expected) - 1} and {len(got) - 1} items: {expected!r:.200} and {got!r:.200}"
    for i, (one, other) in enumerate(zip(expected, got)):
        found = difference(one, other, f"{where}.{i}")
        if found:
            return found
    return None


def dump(program, lines):
    """ckpt_dump's answer for each (file, copy or None); {"crash": how} for a file on which it crashes."""
    answers = []
    while len(answers) < len(lines):
        todo = lines[len(answers) :]
        text_in = "".join(f"file://{file}\tfile://{copy}\n" if copy else f"file://{file}\n" for file, copy in todo)
        done = subprocess.run([program], input=text_in, capture_output=True, text=True, encoding="ascii", timeout=300)
        whole = done.stdout.splitlines()
        if len(whole) > len(todo) or (whole and not done.stdout.endswith("\n")):
            whole.pop()
        answers += [json.loads(line) for line in whole]
        if len(whole) < len(todo):
            answers.append({"crash": f"exit {done.returncode}: {done.stderr[-2000:]}"})
    return answers

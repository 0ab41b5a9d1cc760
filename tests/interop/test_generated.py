"""Compares cove's reader of torch files with torch.load(weights_only=True) on generated files: trees that torch.save writes (generated.py) and handmade pickles
(generated_pickles.py). Both must load the same value; what torch refuses, cove refuses. COVE_TEST_SEED makes other files."""

import _compat_pickle
import fnmatch
import os
import pickle
import sys
import types

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import canonical  # noqa: E402
import generated  # noqa: E402
import generated_pickles  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

DEFAULT_SEED = 18
SEED = int(os.environ.get("COVE_TEST_SEED") or DEFAULT_SEED)

# Intended differences: a pattern of cases, a part of their message, and the row of docs/checkpoints.md. An unused row fails the test.
TREES = []
PICKLES = [
    ("*", "invalid arguments", "refused: a call with arguments that no program writes"),
    ("hand-*", "a dict made of items that are not pairs", "refused: a call with arguments that no program writes"),
    ("hand-tensor-class-called", "torch.FloatTensor", "refused: a name outside the list"),
    ("hand-call-with*", "without a tuple of arguments", "refused: a call without a tuple"),
    ("hand-size-new", "instances of torch.Size", "refused: a new torch.Size"),
    ("hand-state-*", "pickle: state for a", "refused: state for what has none"),
    ("hand-state-*", "cove loads ['d']", "read: state of a dict, which is dropped"),
    ("*", "a memo index that is too large", "refused: a memo number ahead of the pickle"),
    ("*", "not end with exactly one value", "refused: a pickle that leaves several values"),
    ("hand-tensor-persid-key-int", "not torch's", "refused: an id of a storage that torch never writes"),
    ("hand-tensor-persid-of-six", "too many values", "read: an id of a storage with a view, as the old format has it"),
    ("hand-key-bytearray", "unhashable", "read: a bytearray is bytes"),
    ("hand-keys-complex-equal", "1 and 2 items", "a complex number is a tuple, as a key, too"),
    ("hand-device-unknown", "cove loads 'gpu'", "read: any device"),
    ("hand-tensor-place-unknown", "restore data location", "read: any device"),
    ("hand-tensor-place-cuda", "cove has no such value", "read: any device"),
    ("*", "can require gradients", "a tensor; requires_grad is dropped"),
    ("hand-alignment-*", "int()", "read: .storage_alignment"),
]

# What torch refuses and cove reads (docs/checkpoints.md, "What a pickle may name"): Python's own pickle, held to these names, determines the value.
WIDER_NAMES = {
    ("collections", "defaultdict"),
    ("builtins", "dict"),
    ("builtins", "frozenset"),
    ("builtins", "list"),
    ("builtins", "tuple"),
    ("builtins", "bytes"),
    ("builtins", "int"),
    ("builtins", "float"),
    ("builtins", "str"),
    ("builtins", "bool"),
    ("argparse", "Namespace"),
    ("types", "SimpleNamespace"),
    ("pathlib", "PosixPath"),
    ("pathlib", "PurePosixPath"),
    ("lightning.fabric.utilities.data", "AttributeDict"),
    ("lightning.pytorch.utilities.parsing", "AttributeDict"),
}


class Held(pickle._Unpickler):
    """Python's unpickler, which knows all opcodes, with the names that cove knows."""

    def find_class(self, module, name):
        allowed = torch._weights_only_unpickler._get_allowed_globals()
        module, name = _compat_pickle.NAME_MAPPING.get((module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name))
        if f"{module}.{name}" in allowed:
            return allowed[f"{module}.{name}"]
        if (module, name) in WIDER_NAMES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


held = types.SimpleNamespace(Unpickler=Held, load=lambda file, **options: Held(file, **options).load(), __name__="held")


class Refused(str):
    """The reason why a file is not loaded, instead of its value."""


def in_torch(path, **options):
    try:
        return canonical.canonical(torch.load(path, **{"weights_only": True, **options}))
    except Exception as error:  # torch refuses with many classes
        return Refused(f"{type(error).__name__}: {str(error).rpartition('WeightsUnpickler error: ')[2][:160].strip()}")


def in_python(path):
    return in_torch(path, weights_only=False, pickle_module=held)


def judge(answer, expected, wider=None):
    """What is wrong with cove's answer; None: nothing. `wider`: cove may load it although torch refuses it."""
    if "crash" in answer:
        return f"cove crashes: {answer['crash']}"
    if isinstance(expected, Refused):
        if "error" in answer:
            return None
        if wider is None or isinstance(wider, Refused):
            return f"torch refuses it ({expected}), and cove loads {answer['value']!r:.200}"
        expected = wider
    if canonical.has_opaque(expected):
        if not answer.get("error", "").startswith(("COVE_EUNSAFE", "COVE_ENOTSUP")):
            return f"cove has no such value, {expected!r:.200}, and returns {answer!r:.200}"
        found = canonical.difference(expected, answer.get("opaque"))
        return f"torch, and cove with opaque values: {found}" if found else None
    if "error" in answer:
        return f"torch loads {expected!r:.200}, and cove refuses it: {answer['error']}"
    found = canonical.difference(expected, answer["value"])
    return f"torch and cove: {found}" if found else None


def judge_copy(answer, expected, copy, is_safe):
    """The same for cove's copy, loaded by torch. `is_safe`: weights_only=True accepts the file itself."""
    if "copy_error" in answer:
        return f"cove can't save it again: {answer['copy_error']}"
    again = in_torch(copy)
    if isinstance(again, Refused) and not is_safe and "operand 139" in again:  # LONG4: an int of more than 2,040 bits
        again = in_torch(copy, weights_only=False)
    if isinstance(again, Refused):
        return f"torch refuses what cove saved: {again}"
    found = canonical.difference(expected, again)
    return f"saved by cove and loaded by torch: {found}" if found else None


def write_trees(folder, cases):
    """[(case, its file, the path of cove's copy)]"""
    files = []
    for case in cases:
        path = folder / f"{case.name}.pt"
        case.write(path)
        files.append((case, path, path.with_suffix(".copy.pt")))
    return files


def compare_trees(build, files):
    """{name: difference}, and the number of files with a round trip."""
    answers = canonical.dump(build / "tests/interop/ckpt_dump", [(path, copy) for _, path, copy in files])
    wrong, trips = {}, 0
    for (case, path, copy), answer in zip(files, answers):
        expected = in_torch(path)
        is_safe = not isinstance(expected, Refused)
        if not is_safe and case.wider:  # we made these files, so Python may run them
            expected = in_torch(path, weights_only=False)
            if isinstance(expected, Refused):  # torch writes, but can't read, the old format with dtypes that have no storage class
                expected = canonical.canonical(case.value)
        found = judge(answer, expected)
        if not found and "value" in answer:
            found = judge_copy(answer, expected, copy, is_safe)
            trips += not found
        if found:
            wrong[case.name] = found
    return wrong, trips


def compare_pickles(build, folder, cases):
    """{name: difference}, and the number of files that torch loads."""
    files = [(case, folder / f"{i}.pt") for i, case in enumerate(cases)]
    for case, path in files:
        case.write(path)
    answers = canonical.dump(build / "tests/interop/ckpt_dump", [(path, None) for _, path in files])
    wrong, loaded = {}, 0
    for (case, path), answer in zip(files, answers):
        expected = in_torch(path)
        loaded += not isinstance(expected, Refused)
        found = judge(answer, expected, in_python(path))
        if found:
            wrong[case.name] = f"{found}\n    {b''.join(case.ops)!r:.600} {case.records or ''}"
    return wrong, loaded


def report(wrong, rows):
    """Fails for a difference that is not in `rows`, and for an unused row."""
    needed = set()
    left = []
    for name, found in wrong.items():
        row = next((row for row in rows if fnmatch.fnmatch(name, row[0]) and row[1] in found), None)
        needed.add(row)
        if row is None:
            left.append(f"{name}: {found}")
    assert not left, f"{len(left)} differ (COVE_TEST_SEED={SEED}):\n" + "\n".join(left[:40])
    if SEED == DEFAULT_SEED:
        assert needed >= set(rows), f"nothing needs these any more: {set(rows) - needed}"


@pytest.fixture
def deep_stack():
    """A stack for trees of a thousand levels."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20000)
    yield
    sys.setrecursionlimit(limit)


def test_trees(build, tmp_path, deep_stack):
    files = write_trees(tmp_path, generated.cases(SEED))
    wrong, trips = compare_trees(build, files)
    report(wrong, TREES)
    assert len(files) >= 380 and trips >= 330, (len(files), trips)


def test_lightning(build, tmp_path):
    pytest.importorskip("lightning", reason="Lightning is not installed")
    import generated_lightning

    files = write_trees(tmp_path, generated_lightning.cases(SEED))
    wrong, trips = compare_trees(build, files)
    report(wrong, [])
    assert trips == len(files)


def test_pickles(build, tmp_path, deep_stack):
    cases = list(generated_pickles.cases(SEED))
    wrong, loaded = compare_pickles(build, tmp_path, cases)
    report(wrong, PICKLES)
    assert len(cases) >= 550 and loaded >= 250, (len(cases), loaded)


def test_the_comparison_reports_a_difference(build, tmp_path):
    """Checks the comparison: another value, type, dtype, shape, order or key is a difference."""
    cases = [
        (1, True),
        (1, 2),
        (0.0, -0.0),
        ("a", b"a"),
        ([1], (1,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: 1}, {True: 1}),
        ({1}, {1.0}),
        ({1, 2}, {1}),
        (None, []),
        (torch.ones(2), torch.ones(2, dtype=torch.float64)),
        (torch.ones(2), torch.ones(1, 2)),
        (torch.ones(2), torch.zeros(2)),
        ([[]], []),
    ]
    for i, (value, _) in enumerate(cases):
        torch.save(value, tmp_path / f"{i}.pt")
    answers = canonical.dump(build / "tests/interop/ckpt_dump", [(tmp_path / f"{i}.pt", None) for i in range(len(cases))])
    for (value, other), answer in zip(cases, answers):
        assert judge(answer, canonical.canonical(value)) is None, value
        assert judge(answer, canonical.canonical(other)), (value, other)
        assert judge({"crash": "exit -11"}, canonical.canonical(value)) and judge({"error": "COVE_ECORRUPT: x"}, canonical.canonical(value))
        assert judge(answer, Refused("x")), value

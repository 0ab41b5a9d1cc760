"""The verbs `ckpt` and `logs`."""

import datetime
import json

import pytest
from test_cli import cove, put, root  # noqa: F401


def test_ckpt(cove, root):
    torch = pytest.importorskip("torch")
    tree = {
        "epoch": 4,
        "state_dict": {"w": torch.zeros(10, 784), "b": torch.ones(10, dtype=torch.float16)},
        "name": "run",
        "hyper": {"lr": 0.1, "nan": float("nan"), "list": [1, None, True]},
        "negative": -float("nan"),
        3: "three",
    }
    torch.save(tree, cove.cwd / "x.ckpt")
    cove("cp", "x.ckpt", f"{root}/x.ckpt")
    text = cove("ckpt", "show", f"{root}/x.ckpt")
    assert "  lr: 0.1\n" in text and "  nan: nan\n" in text and "negative: nan\n" in text
    assert "epoch: 4\n" in text and "  w: float32 [10, 784]  30.6 KiB\n" in text and "2 tensors, 7850 elements, 30.6 KiB" in text
    document = json.loads(cove("ckpt", "show", "--json", f"{root}/x.ckpt"))
    assert document["state_dict"]["b"] == {"type": "tensor", "dtype": "float16", "shape": [10], "bytes": 20}
    assert document["hyper"] == {"lr": 0.1, "nan": "NaN", "list": [1, None, True]} and document["3"] == "three"
    assert json.loads(cove("ckpt", "show", "--json", f"{root}/x.ckpt", "hyper.lr")) == 0.1
    assert "w:" not in cove("ckpt", "show", "-d", "1", f"{root}/x.ckpt")
    cove.error("ckpt", "show", f"{root}/x.ckpt", "nothing", rc=3)
    cove.error("ckpt", "show", f"{root}/none.ckpt", rc=3)
    put(cove, f"{root}/bad.ckpt", "no checkpoint at all, but rather long text")
    assert "but a text that begins with 'no checkpoint at all" in cove.error("ckpt", "show", f"{root}/bad.ckpt", rc=1)


def test_ckpt_keys(cove):
    """The names of one JSON object are distinct for any keys, and each key can be identified."""

    def once(pairs):
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    torch = pytest.importorskip("torch")
    tree = {
        "ints": {0: "a", -5: "b", "x": "c"},
        "both": {1: "int", "1": "string"},
        "bool": {True: 1, "True": 2, None: 3, 0.5: 4, (1, (b"x",)): 5, "a\0b": 6},
        "marked": {"type": "tensor"},
        "typed": {"type": "adam"},
        "large": [2**64, -(2**200), 10**4000, 2**20000, 10**4299, 10**4300 - 1, 1 - 10**4300, 10**4300],
        "surrogate": "a\ud800b",
        "surrogates": {"\ud800\udc00": 1, "\U00010000": 2},
        "pair": ["a\ud800\udc00", "\U00010000", "\udc00\ud800"],
        "marked string": {"type": "string", "hex": ""},
        "lines\nb: 1\x1b[31m": {"\u202e": 1},
    }
    torch.save(tree, cove.cwd / "k.ckpt")
    text = cove("ckpt", "show", "--json", "k.ckpt")
    document = json.loads(text, object_pairs_hook=once)
    assert document["ints"] == {"0": "a", "-5": "b", "x": "c"}
    assert document["both"] == {"type": "dict", "items": [[1, "int"], ["1", "string"]]}
    assert document["bool"]["items"][:4] == [[True, 1], ["True", 2], [None, 3], [0.5, 4]]
    assert document["bool"]["items"][4:] == [[[1, [{"type": "bytes", "bytes": 1}]], 5], ["a\0b", 6]]
    assert document["marked"] == {"type": "dict", "items": [["type", "tensor"]]}
    assert document["typed"] == {"type": "adam"}
    assert document["large"][:4] == [2**64, -(2**200), 10**4000, {"type": "int", "bits": 20002}]
    assert document["large"][4:] == [10**4299, 10**4300 - 1, 1 - 10**4300, {"type": "int", "bits": 14286}]
    assert document["pair"] == [{"type": "string", "hex": "61eda080edb080"}, "\U00010000", "\udc00\ud800"]
    assert document["marked string"] == {"type": "dict", "items": [["type", "string"], ["hex", ""]]}
    assert document["surrogate"] == "a\ud800b"
    assert [key for key, _ in document["surrogates"]["items"]] == [{"type": "string", "hex": "eda080edb080"}, "\U00010000"]
    lines = cove.lines("ckpt", "show", "k.ckpt")
    for line in ["  [1]: \"int\"", "  1: \"string\"", "  [True]: 1", "  [None]: 3", "  [(1, (1 bytes,))]: 5", "  0: \"a\"",
                 f"  0: {2**64}", f"  1: {-(2**200)}", "  3: int of 20002 bits", "surrogate: \"a\\ud800b\"", "lines?b: 1?[31m: dict (1)", "  ?: 1"]:  # fmt: skip
        assert line in lines
    for part, value in {"ints.-5": "b", "both.1": "string", "both.[1]": "int", "bool.[True]": 1, "bool.[None]": 3, "bool.[0.5]": 4,
                        "bool.True": 2}.items():  # fmt: skip
        assert json.loads(cove("ckpt", "show", "--json", "k.ckpt", part)) == value


def test_ckpt_containers_that_contain_themselves(cove):
    torch = pytest.importorskip("torch")
    tree = {"list": [1]}
    tree["list"] += [tree["list"], {"top": tree}]
    torch.save(tree, cove.cwd / "x.ckpt")
    assert cove("ckpt", "show", "x.ckpt") == "list: list (3)\n  0: 1\n  1: the list 1 level up\n  2: dict (1)\n    top: the dict 3 levels up\n"
    back = [{"type": "back reference", "levels_up": levels} for levels in (1, 3)]
    assert json.loads(cove("ckpt", "show", "--json", "x.ckpt")) == {"list": [1, back[0], {"top": back[1]}]}
    assert cove("ckpt", "show", "x.ckpt", "list.2") == "top: a dict outside this part\n"
    assert json.loads(cove("ckpt", "show", "--json", "x.ckpt", "list.2.top")) == {"type": "back reference", "levels_up": None}


def test_ckpt_opaque_values(cove):
    torch = pytest.importorskip("torch")
    torch.save({"state_dict": {"w": torch.ones(2)}, "when": datetime.datetime(2020, 1, 1)}, cove.cwd / "x.ckpt")
    assert "when: opaque datetime.datetime\n" in cove("ckpt", "show", "x.ckpt")
    assert cove("ckpt", "show", "x.ckpt", "state_dict").startswith("w: float32 [2]")
    assert json.loads(cove("ckpt", "show", "--json", "x.ckpt"))["when"] == {"type": "opaque", "name": "datetime.datetime"}


def test_logs(cove, root):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(cove.cwd / "logs" / "run1") as writer:
        for step in range(5):
            writer.add_scalar("train/loss", 1 / (step + 1), step)
        writer.add_scalar("val/acc", -float("nan"), 9)
    (cove.cwd / "logs" / "run2").mkdir()
    (cove.cwd / "logs" / "run2" / "metrics.csv").write_bytes(b"epoch,step,train_loss\r\n0,9,0.5\r\n1,19,\r\n")
    cove("cp", "-r", "logs", f"{root}/logs")
    last = {(r["run"].rsplit("/", 1)[1], r["tag"]): r for r in cove.json("logs", "show", f"{root}/logs")}
    loss = last["run1", "train/loss"]
    assert (loss["step"], loss["count"]) == (4, 5) and abs(loss["value"] - 0.2) < 1e-7 and loss["wall_time"] > 1.7e9
    assert last["run1", "val/acc"]["value"] == "NaN"
    assert (last["run2", "train_loss"]["value"], last["run2", "train_loss"]["step"], last["run2", "train_loss"]["wall_time"]) == (0.5, 9, None)
    assert last["run2", "epoch"]["step"] == 19
    every = cove.json("logs", "show", "-a", "-t", "train/*", f"{root}/logs/run1")
    assert [r["step"] for r in every] == list(range(5))
    text = cove("logs", "show", f"{root}/logs")
    assert "train/loss" in text and " nan " in text and "-nan" not in text
    assert "train_loss" in cove("logs", "show", f"{root}/logs/run2/metrics.csv")
    put(cove, f"{root}/empty/x", "x")
    cove.error("logs", "show", f"{root}/empty", rc=3)
    broken = next((cove.cwd / "logs" / "run1").iterdir()).read_bytes()
    put(cove, f"{root}/broken/x.tfevents", broken[:100] + b"!" + broken[101:])
    cove.error("logs", "show", f"{root}/broken", rc=1)

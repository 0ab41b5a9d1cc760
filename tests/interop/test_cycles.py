"""Lists and dicts that contain themselves, as torch reads and writes them."""

from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_torch import plain, shown, tool, url  # noqa: E402, F401


def with_cycles(value, above=()):
    """A loaded object as ckpt_tool shows it; it may contain itself."""
    for levels, holder in enumerate(reversed(above), 1):
        if value is holder:
            return {"up": levels}
    above = (*above, value)
    if isinstance(value, dict):
        return {"dict": [[key, with_cycles(item, above)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [with_cycles(item, above) for item in value]}
    return plain(value)


def unrolled(value, depth):
    """The object unrolled to so many levels."""
    if not isinstance(value, list):
        return value
    return [unrolled(item, depth - 1) for item in value] if depth > 0 else "…"


def make_loop(i):
    loop = [i]
    loop.append(loop)
    return loop


def make_cycles():
    keyed = {"x": 1}
    keyed["me"] = keyed
    ordered = OrderedDict(a=1)
    ordered["deep"] = [{"er": (ordered, 2)}]
    through = []
    through.append((through, torch.ones(2)))
    parent = {"name": "p", "children": []}
    parent["children"] += [{"name": i, "parent": parent, "siblings": parent["children"]} for i in range(20)]
    return {"itself": make_loop(0), "keyed": keyed, "ordered": ordered, "through a tuple": through, "tree": parent, "many": [make_loop(i) for i in range(300)]}


@pytest.mark.parametrize("kind", make_cycles())
def test_cycles(tool, tmp_path, kind):
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    torch.save(make_cycles()[kind], first)
    again = torch.load(first, weights_only=True)
    assert shown(tool("show", url(first))) == with_cycles(again)
    tool("copy", url(first), url(second))
    assert with_cycles(torch.load(second, weights_only=True)) == with_cycles(again)


def test_cycle_that_is_entered_twice(tool, tmp_path):
    """The second entry is a list whose back reference is to a list beside it."""
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    outer = [1]
    inner = [outer, 2]
    outer.append(inner)
    torch.save([outer, inner], first)
    assert shown(tool("show", url(first))) == {"list": [{"list": [1, {"list": [{"up": 2}, 2]}]}, {"list": [{"up": 0}, 2]}]}
    tool("copy", url(first), url(second))
    assert unrolled(torch.load(second, weights_only=True), 9) == unrolled([outer, inner], 9)


def test_cycle_of_a_tuple(tool, tmp_path):
    """It is read, although torch doesn't read such a pickle; it is not written."""
    inner = []
    value = (inner,)
    inner.append(value)
    torch.save([value], tmp_path / "x.pt")
    with pytest.raises(Exception, match="Unsupported operand"):
        torch.load(tmp_path / "x.pt", weights_only=True)
    assert shown(tool("show", url(tmp_path / "x.pt"))) == with_cycles([value])
    message = tool("copy", url(tmp_path / "x.pt"), url(tmp_path / "y.pt"), fails="COVE_ENOTSUP")
    assert '"0.0.0" refers to a tuple that contains itself' in message

"""Type hints and help texts of the package: complete and correct."""

import ast
import inspect
import re

import pytest

import cove
from conftest import PACKAGE
from cove import _cove
from cove.s3 import S3FileSystem

TOP = ast.parse((PACKAGE / "cove" / "__init__.py").read_text())
KINDS = {inspect.Parameter.POSITIONAL_ONLY: "/", inspect.Parameter.POSITIONAL_OR_KEYWORD: "", inspect.Parameter.KEYWORD_ONLY: "*"}


def test_type_checkers_see_the_names_that_are_loaded_lazily():
    block = next(node for node in TOP.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == cove._LAZY
    assert set(cove.__all__) == {"register", *cove._LAZY}
    assert all(getattr(cove, name) is not None for name in cove.__all__)


def parameters(arguments):
    positional = [*arguments.posonlyargs, *arguments.args]
    return [("/" if i < len(arguments.posonlyargs) else "", a.arg) for i, a in enumerate(positional)] + [("*", a.arg) for a in arguments.kwonlyargs]


def hinted():
    for node in ast.parse((PACKAGE / "cove" / "_cove.pyi").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, getattr(_cove, node.name), parameters(node.args)
        for function in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(function, ast.FunctionDef) and not function.decorator_list:
                owner = getattr(_cove, node.name)
                yield f"{node.name}.{function.name}", owner if function.name == "__new__" else getattr(owner, function.name), parameters(function.args)[1:]


def test_the_hints_of_the_extension_have_its_parameters():
    wrong = {}
    for name, thing, hints in hinted():
        there = [(KINDS[p.kind], p.name) for p in inspect.signature(thing).parameters.values() if p.name != "self"]
        if there != hints:
            wrong[name] = (there, hints)
    assert wrong == {}


def public(cls):
    """(name, what it is, the class that has it) of each public method and property, and of __init__."""
    for name in dir(cls):
        thing = inspect.getattr_static(cls, name)
        thing = getattr(thing, "__func__", thing)
        if (name == "__init__" or not name.startswith("_")) and (callable(thing) or isinstance(thing, property)):
            yield name, thing, next(c for c in cls.__mro__ if name in vars(c))


def test_each_public_method_has_its_own_docstring():
    """Else help() shows that of fsspec's base class, which has other arguments and results."""
    methods = [(name, thing) for name, thing, owner in public(S3FileSystem) if owner.__module__.startswith("cove")]
    assert len(methods) > 50
    assert [name for name, thing in methods if not (thing.__doc__ or "").strip()] == []


def test_a_filesystem_shows_its_endpoint_and_no_key():
    secrets = {"key": "the-key", "secret": "the-secret", "token": "the-token"}
    fs = S3FileSystem(endpoint_url="http://127.0.0.1:9000/base/", **secrets, skip_instance_cache=True)
    assert repr(fs) == str(fs) == "<S3FileSystem http://127.0.0.1:9000/base>"
    assert repr(S3FileSystem(region="eu-west-1", **secrets)) == "<S3FileSystem https://s3.eu-west-1.amazonaws.com>"
    assert repr(S3FileSystem.__new__(S3FileSystem, key="another")) == "<S3FileSystem>"
    assert not re.search("the-", repr(vars(fs)["_fs"]))
    for scheme in ("file", "memory"):
        assert _cove.Filesystem(f"{scheme}:///x").endpoint == ""


@pytest.mark.parametrize("name", ["S3FileSystem", "CoveFileSystem"])
def test_help_shows_the_docstrings(name):
    import pydoc

    text = pydoc.render_doc(getattr(cove, name), renderer=pydoc.plaintext)
    assert "Parameters\n" in text and "The size of a file in bytes; 0 for a directory." in text

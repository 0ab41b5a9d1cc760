#!/usr/bin/env python3
"""Writes docs/python-api.md, the reference of the Python package, from its docstrings and hints.

    tools/api_page.py [--check]

--check writes nothing; the exit status is 1 where the page is not as the sources have it (tests/static/ asks). A public method
without a docstring is an error.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "cove"
PAGE = ROOT / "docs" / "python-api.md"

INTRO = """# Reference of the Python package

```python
import fsspec

fs = fsspec.filesystem("s3")      # a cove.S3FileSystem
fs.pipe_file("bucket/a", b"1")
```

Made from the docstrings (`tools/api_page.py`). What is not here is fsspec's own, by its names and
with its meaning: `touch`, `size`, `tree`, … [Python](python.md) explains how the pieces work
together, migration [from s3fs](migration-from-s3fs.md), [from gcsfs](migration-from-gcsfs.md),
[from adlfs](migration-from-adlfs.md) and [from pyarrow's and fsspec's
HDFS](migration-from-hdfs.md) what differs. Coroutines have the same names with an underscore
(`await fs._cat_file(…)`).
"""

# Heading: (module, names of functions or classes). What a class has from the bases in the package is shown with it.
SECTIONS = {
    "The package `cove`": [("__init__.py", ["register"]), ("_cove.pyi", ["known_implementations", "option_help", "set_log"])],
    "Exceptions": [("_cove.pyi", ["PreconditionFailed", "CorruptData", "InvalidArgument"])],
    "Filesystems": [
        ("s3.py", ["S3FileSystem"]),
        ("gcs.py", ["GCSFileSystem"]),
        ("azure.py", ["AzureBlobFileSystem"]),
        ("hadoop.py", ["HadoopFileSystem", "WebHDFSFileSystem", "HadoopTree"]),
        ("filesystem.py", ["CoveFileSystem"]),
    ],
    "Files": [("files.py", ["ReadFile", "WriteFile", "AppendFile", "TextFile"]), ("update.py", ["UpdateFile"]), ("async_files.py", ["AsyncFile"])],
    "Lightning: `cove.lightning`, `cove.pytorch_lightning`": [("lightning.py", ["CoveCheckpointIO", "AsyncCoveCheckpointIO", "ModelCheckpoint"])],
}
# Bases whose methods are shown once, with the class that the section names.
SHOWN_ELSEWHERE = {
    "S3FileSystem": {"CoveFileSystem"},
    "GCSFileSystem": {"CoveFileSystem"},
    "AzureBlobFileSystem": {"CoveFileSystem"},
    "HadoopFileSystem": {"HadoopTree", "CoveFileSystem"},
    "WebHDFSFileSystem": {"HadoopTree", "CoveFileSystem"},
    "HadoopTree": {"CoveFileSystem"},
}
# Hooks that Lightning calls, and attributes that other libraries look for: not for a program to call.
NOT_CALLED = {
    "setup",
    "teardown",
    "state_dict",
    "load_state_dict",
    "on_train_batch_end",
    "on_train_epoch_end",
    "on_validation_end",
    "on_exception",
    "on_validation_batch_end",
    "file_exists",
    "leave",
    "seekable",
    "readable",
    "writable",
}


def definitions():
    """{name of a class: its node}, {file: its tree}."""
    trees = {path.name: ast.parse(path.read_text()) for path in [*PACKAGE.glob("*.py"), *PACKAGE.glob("*.pyi")]}
    classes = {node.name: node for name, tree in trees.items() if name.endswith(".py") for node in tree.body if isinstance(node, ast.ClassDef)}
    return classes, trees


def bases_first(node, classes, shown):
    """The class behind its bases in the package, in the order in which Python overrides them."""
    order = []
    for base in [b.id for b in reversed(node.bases) if isinstance(b, ast.Name)]:
        if base in classes and base not in shown and classes[base] is not node:
            order += [c for c in bases_first(classes[base], classes, shown) if c not in order]
    return [*order, node]


def public_methods(node, classes, shown):
    """Methods of a class and of its bases in the package, the most derived ones, by name."""
    found = {}
    for item in [item for c in bases_first(node, classes, shown) for item in c.body]:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and not item.name.startswith("_"):
            decorated = {ast.unparse(d) for d in item.decorator_list}
            older = found.get(item.name)
            if not any(d.endswith((".setter", ".deleter")) or d == "overload" for d in decorated):
                found[item.name] = (item, ast.get_docstring(item) or (older[1] if older else None), "property" in decorated)
    return found


def signature(node, is_property, is_method=True):
    if is_property:
        return f"{node.name}" + (f": {ast.unparse(node.returns)}" if node.returns else "")
    arguments = ast.parse(ast.unparse(node)).body[0].args
    if is_method and not any(ast.unparse(d) == "staticmethod" for d in node.decorator_list):
        for names in (arguments.posonlyargs, arguments.args):
            if names:
                del names[0]
                break
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    prefix = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{prefix}{node.name}({ast.unparse(arguments)}){returns}"


def cell(text):
    """A docstring as one cell of a table: its paragraphs behind each other."""
    return " ".join(text.split()).replace("|", "\\|")


def block(text):
    """A class's docstring; sections of numpydoc and examples stay as they are."""
    return f"```text\n{text}\n```\n"


def described(node, text, missing):
    if not text:
        missing.append(f"{node.name}, line {node.lineno}")
    return cell(text or "")


def page():
    """The text of the page, and the names that lack a docstring."""
    classes, trees = definitions()
    text, missing = INTRO, []
    for heading, modules in SECTIONS.items():
        text += f"\n## {heading}\n\n"
        functions = ""
        for module, names in modules:
            nodes = {node.name: node for node in trees[module].body if hasattr(node, "name")}
            for name in names:
                node = nodes[name]
                if isinstance(node, ast.FunctionDef):
                    functions += f"| `{cell(signature(node, False, False))}` | {described(node, ast.get_docstring(node), missing)} |\n"
                elif module.endswith(".pyi"):
                    functions += f"| `{name}({', '.join(ast.unparse(b) for b in node.bases)})` | {described(node, ast.get_docstring(node), missing)} |\n"
                else:
                    text += f"### {name}\n\n" + block(ast.get_docstring(node) or missing.append(name) or "")
                    methods = public_methods(node, classes, SHOWN_ELSEWHERE.get(name, set()))
                    rows = [row(m, doc, is_property, missing) for m, doc, is_property in methods.values() if m.name not in NOT_CALLED]
                    if rows:
                        text += "\n| | |\n|---|---|\n" + "".join(rows)
                    text += "\n" if rows else ""
        if functions:
            text += "| | |\n|---|---|\n" + functions
    return text.rstrip("\n") + "\n", missing


def row(node, doc, is_property, missing):
    return f"| `{cell(signature(node, is_property))}` | {described(node, doc, missing)} |\n"


def main():
    text, missing = page()
    if missing:
        print("no docstring: " + "; ".join(missing), file=sys.stderr)
        return 1
    if PAGE.exists() and PAGE.read_text() == text:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{PAGE.relative_to(ROOT)} is not as the sources have it: run tools/api_page.py", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

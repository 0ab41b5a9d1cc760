"""No files of the Python package import each other in a circle, also not by imports inside functions. Imports for type checkers do not count."""

import ast

from check_includes import circles

import env


def runs(node):
    """The import statements below a node that a program may run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not ast.unparse(child.test).startswith("not "):
            for other in child.orelse:
                yield from runs(ast.Module([other], []))
        elif isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        else:
            yield from runs(child)


def imports(folder):
    """For each module of a package, the modules of it that it names. A name that is no module is the package's own."""
    modules = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")}
    others = {path.stem for path in folder.glob("*.pyi")}
    graph = {name: set() for name in modules}
    for name, tree in modules.items():
        for node in runs(tree):
            if isinstance(node, ast.Import):
                named = [a.name.split(".")[1:] or ["__init__"] for a in node.names if a.name.split(".")[0] == folder.name]
            elif node.level or (node.module or "").split(".")[0] == folder.name:
                inner = (node.module or "").split(".")[0 if node.level else 1 :]
                named = [inner] if any(inner) else [[a.name] for a in node.names]
            else:
                named = []
            for first, *_ in named:
                if first not in others:
                    graph[name].add(first if first in modules else "__init__")
        graph[name].discard(name)
    return graph


def test_no_modules_import_each_other_in_a_circle():
    graph = imports(env.ROOT / "python" / "cove")
    assert graph["s3"] >= {"buckets", "options"}
    assert circles(graph) == set()


def test_the_check_sees_circles(tmp_path):
    for name, text in {
        "__init__.py": "def late():\n    from pack.a import x\n",
        "a.py": "from pack import b, NAME\nimport pack.d\n",
        "b.py": "def f():\n    from .c import y\n",
        "c.py": "import pack.b\n",
        "d.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pack.a import x\n",
    }.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert circles(imports(tmp_path / "pack")) == {("__init__", "a"), ("b", "c")}

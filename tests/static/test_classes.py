"""No class of the Python package uses a private method or attribute that only a class derived from it has."""

import ast
import textwrap

import env


def names_of(node):
    """The private names that a class has: its methods and attributes, and what its methods set on self."""
    found = set()
    for child in ast.walk(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(child.name)
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            found.add(child.id)
        elif is_of_self(child) and isinstance(child.ctx, ast.Store):
            found.add(child.attr)
    return {name for name in found if is_private(name)}


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def is_of_self(node):
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def problems(texts):
    """["CLASS uses NAME of DERIVED"] for the modules with these texts."""
    classes = {node.name: node for text in texts for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    names = {name: names_of(node) for name, node in classes.items()}

    def with_bases(name):
        found = [name]
        for base in classes[name].bases:
            if isinstance(base, ast.Name) and base.id in classes and base.id != name:  # lightning.py names a class like its base
                found += with_bases(base.id)
        return found

    result = set()
    for derived in classes:
        for base in with_bases(derived)[1:]:
            own = set().union(*(names[name] for name in with_bases(base)))
            used = {child.attr for child in ast.walk(classes[base]) if is_of_self(child) and is_private(child.attr)}
            result |= {f"{base} uses {name} of {derived}" for name in (used - own) & names[derived]}
    return sorted(result)


def test_bases_do_not_use_what_derived_classes_have():
    assert problems(path.read_text(encoding="utf-8") for path in (env.ROOT / "python" / "cove").glob("*.py")) == []


def test_the_check_sees_such_a_use():
    base = textwrap.dedent("""
        class Base:
            def _mine(self):
                return self._mine() + self._late() + self.public()
    """)
    derived = textwrap.dedent("""
        class Derived(Base):
            def _late(self):
                return self._mine()
            def public(self):
                self._kept = self._kept + 1
    """)
    assert problems([base, derived]) == ["Base uses _late of Derived"]

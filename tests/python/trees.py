"""The files with which tests of many paths start."""

TREE = {"a.txt": b"a", "b/c.txt": b"bc", "b/d/e.bin": b"bde", "b/d/f.txt": b"bdfx", "b0.txt": b"0", "g h/ü[1].txt": b"special"}


def below(root, names):
    return [f"{root}/{name}" for name in names]

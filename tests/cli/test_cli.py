"""The command `cove`, run as a user runs it: on local files, and on a MinIO started here."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import env as environment

VERBS = ["ls", "cat", "cp", "mv", "rm", "mkdir", "stat", "find", "du", "fs", "uploads", "sign", "ckpt", "logs"]


class Cove:
    """Runs the command in its own folder."""

    def __init__(self, program, cwd, environ):
        self.program, self.cwd, self.environ = program, cwd, environ

    def __call__(self, *args, rc=0, stdin=b"", text=True):
        result = subprocess.run([self.program, *map(str, args)], cwd=self.cwd, env=self.environ, input=stdin, capture_output=True, timeout=120)
        assert result.returncode == rc, (args, result.returncode, result.stdout[-2000:], result.stderr[-2000:])
        if rc == 0:
            stderr = re.sub(rb"cove: waiting for .*\n", b"", result.stderr)  # a busy machine
            assert b"cove:" not in stderr or b"note" in stderr or b"upload" in stderr, stderr
        else:
            assert result.stderr.startswith(b"cove: "), result.stderr
        return result.stdout.decode() if text else result.stdout

    def error(self, *args, rc=1, **kwargs):
        result = subprocess.run(
            [self.program, *map(str, args)], cwd=self.cwd, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, **kwargs
        )
        assert result.returncode == rc, (args, result.returncode, result.stdout[-2000:], result.stderr[-2000:])
        return result.stderr.decode()

    def lines(self, *args, **kwargs):
        return self(*args, **kwargs).splitlines()

    def json(self, *args, **kwargs):
        return [json.loads(line) for line in self.lines(*args, "--json", **kwargs)]

    def start(self, *args, **kwargs):
        return subprocess.Popen([self.program, *map(str, args)], cwd=self.cwd, env=self.environ, stderr=subprocess.PIPE, **kwargs)


@pytest.fixture
def cove(build, tmp_path):
    environ = {**os.environ, "TZ": "UTC"}
    return Cove(str(build / "cli" / "cove"), tmp_path, environ)


@pytest.fixture(params=["file", "s3"])
def root(request, cove, tmp_path):
    """A fresh directory of a store, as an argument; the command in `cove` may reach it."""
    if request.param == "file":
        folder = tmp_path / "root"
        folder.mkdir()
        yield folder.as_uri()
        return
    cove.environ.update(request.getfixturevalue("minio").environ)
    root = f"s3://cove/cli/{tmp_path.name}-{time.time_ns()}"
    yield root
    subprocess.run([cove.program, "rm", "-r", "-q", root], env=cove.environ, capture_output=True, timeout=120)


def put(cove, url, data):
    cove("cp", "-", url, stdin=data if isinstance(data, bytes) else data.encode())


def get(cove, url):
    return cove("cat", url, text=False)


def is_s3(root):
    return root.startswith("s3://")


# ---- the command itself ----


def test_version_and_help(cove):
    assert re.fullmatch(r"cove \d+\.\d+\.\d+\n", cove("--version"))
    text = cove("--help")
    for verb in VERBS:
        assert f"  {verb} " in text
        assert cove(verb, "--help") == cove("help", verb)
    assert cove("help") == text


def test_every_verb_has_usage(cove):
    for verb in VERBS:
        text = cove(verb, "--help")
        assert text.startswith(f"Usage: cove {verb} ")
        for part in ("\nOptions:\n", "\nExamples:\n", "\nExit codes: ", "--json", "--timeout", "--verbose"):
            assert part in text, (verb, part)


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["bogus"],
        ["help", "bogus"],
        ["ls", "--bogus"],
        ["ls", "-Z"],
        ["cp", "one"],
        ["cat"],
        ["ls", "--timeout", "soon"],
        ["ls", "--timeout"],
        ["ls", "-o", "novalue"],
        ["cp", "-j", "0", "a", "b"],
        ["ckpt", "eat", "x"],
        ["uploads", "--older-than", "x", "s3://b"],
        ["stat", ""],
    ],
)
def test_bad_usage(cove, args):
    assert "cove" in cove.error(*args, rc=2)


def test_a_dot_means_the_content_of_a_directory(cove, root):
    put(cove, f"{root}/d/f", "1")
    put(cove, f"{root}/d/e/g", "2")
    cove("cp", "-r", f"{root}/d/.", "local/")
    assert (cove.cwd / "local" / "f").read_text() == "1" and (cove.cwd / "local" / "e" / "g").read_text() == "2"
    cove("cp", "-r", f"{root}/d/.", f"{root}/other/")
    cove("cp", "-r", "local/.", f"{root}/third/")
    for folder in ("other", "third"):
        assert get(cove, f"{root}/{folder}/e/g") == b"2"


@pytest.mark.parametrize("closed", [(1,), (1, 2), (0, 1, 2)])
def test_closed_standard_descriptors_are_not_reused_for_output(cove, root, closed):
    """What is opened next has the number of a closed descriptor: output must not go there."""
    put(cove, f"{root}/f", "x")

    def run(*args):
        redirects = " ".join(f"{fd}>&-" for fd in closed)
        return subprocess.run(
            ["sh", "-c", f'exec "$0" "$@" {redirects}', cove.program, *args],
            cwd=cove.cwd,
            env=cove.environ,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=120,
        )

    for verb in ("du", "cat", "ls"):
        result = run(verb, f"{root}/f")
        assert result.returncode == 1, verb
        assert (2 in closed) != (b"Bad file descriptor" in result.stderr)
    assert run("cp", "-vv", f"{root}/f", "copy").returncode == 0  # which logs much, and prints nothing
    assert (cove.cwd / "copy").read_text() == "x"


def test_a_url_with_one_slash_makes_no_directory(cove):
    (cove.cwd / "a").write_text("x")
    assert "s3://" not in cove.error("cp", "a", "s3:/bucket/key", rc=2)
    assert os.listdir(cove.cwd) == ["a"]


def test_unknown_scheme_lists_the_known(cove):
    text = cove.error("ls", "gopher://x", rc=2)
    assert text.count("\n") == 1 and '"gopher"' in text
    for scheme in ("file", "memory", "s3"):
        assert scheme in text.split("known:")[1]


def test_a_file_needs_a_bucket_and_a_key(cove):
    (cove.cwd / "a").write_text("x")
    for url in ("s3://", "s3:///key"):
        assert url in cove.error("cat", url, rc=2 if url.endswith("key") else 1)


def test_unknown_options_are_refused_before_anything_is_done(cove):
    (cove.cwd / "a").write_text("x")
    assert "auto_mkdir" in cove.error("rm", "-o", "auto_mkdri=1", "a", rc=2)
    assert (cove.cwd / "a").exists()
    # One that only one of the two stores knows is right.
    assert cove("cp", "-o", "auto_mkdir=true", "a", "memory://x") == ""


def test_fs(cove):
    rows = {row["scheme"]: row for row in json.loads(cove("fs", "--json"))}
    assert rows["file"]["backend"] == "file" and rows["s3a"]["backend"] == "s3"
    assert "s3" in cove("fs")
    options = {row["name"]: row for row in json.loads(cove("fs", "file", "--json"))}
    assert options["fsync"]["type"] == "bool" and options["fsync"]["default"] == "true"
    assert "endpoint_url" in cove("fs", "s3")
    cove.error("fs", "gopher", rc=3)


# ---- ls, stat, find, du ----


def test_ls(cove, root):
    put(cove, f"{root}/b.txt", "22")
    put(cove, f"{root}/a.txt", "1")
    put(cove, f"{root}/d/deep/c.txt", "333")
    assert cove.lines("ls", root) == ["a.txt", "b.txt", "d/"]
    assert cove.lines("ls", root + "/") == ["a.txt", "b.txt", "d/"]
    assert cove.lines("ls", "-R", root) == ["a.txt", "b.txt", "d/deep/c.txt"]
    assert cove.lines("ls", f"{root}/a.txt") == [f"{root}/a.txt"]
    assert cove.lines("ls", "-d", f"{root}/d") == [f"{root}/d/"]
    assert cove.lines("ls", f"{root}/d", f"{root}/a.txt") == [f"{root}/d/deep/", f"{root}/a.txt"]
    assert cove.lines("ls", f"{root}/*.txt") == [f"{root}/a.txt", f"{root}/b.txt"]
    assert cove.lines("ls", "-d", f"{root}/**/*.txt")[-1] == f"{root}/d/deep/c.txt"
    long = cove.lines("ls", "-l", root)
    assert re.fullmatch(r" +1  20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  a\.txt", long[0])
    assert re.fullmatch(r" +-  .*  d/", long[2])
    assert "2 B" in cove.lines("ls", "-l", "--human", root)[1]


def test_ls_json(cove, root):
    put(cove, f"{root}/a.txt", "1")
    put(cove, f"{root}/d/c.txt", "333")
    first, second = cove.json("ls", root)
    assert (first["path"], first["url"], first["type"], first["size"]) == (f"{root}/a.txt", f"{root}/a.txt", "file", 1)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["mtime"])
    assert second["type"] == "directory" and second["path"] == f"{root}/d"


def test_names_of_local_files(cove):
    (cove.cwd / "d").mkdir()
    (cove.cwd / "d" / "a.txt").write_text("x")
    assert cove.lines("ls") == ["d/"]
    assert cove.lines("ls", "d", "d/a.txt") == ["d/a.txt", "d/a.txt"]
    assert cove.lines("find", "d") == ["d/a.txt"]
    assert cove.lines("find", ".") == ["./a.txt"] or cove.lines("find", ".") == ["./d/a.txt"]
    assert cove.lines("ls", "d/*.txt") == ["d/a.txt"]
    assert cove.json("stat", "d/a.txt")[0]["path"] == "d/a.txt"


def test_a_name_that_looks_like_a_pattern(cove, root):
    put(cove, f"{root}/a[1].txt", "odd")
    put(cove, f"{root}/a1.txt", "plain")
    assert get(cove, f"{root}/a[1].txt") == b"odd"
    cove("rm", f"{root}/a[1].txt")
    assert cove.lines("ls", root) == ["a1.txt"]
    assert get(cove, f"{root}/a[1].txt") == b"plain"


def test_stat(cove, root):
    put(cove, f"{root}/a.txt", "12345")
    text = cove("stat", f"{root}/a.txt")
    assert "type   file\n" in text and "size   5 (5 B)\n" in text
    (info,) = cove.json("stat", f"{root}/a.txt")
    assert info["size"] == 5 and info["etag"] and info["metadata"] == {}
    assert ("mime   " in text) == bool(info["content_type"]) == is_s3(root)
    assert cove.json("stat", root)[0]["type"] == "directory"
    assert cove.error("stat", f"{root}/none", rc=3).startswith(f"cove: stat {root}/none: ")


def test_sign(cove, root):
    """Whether the store takes what was signed is tests/s3's matter."""
    put(cove, f"{root}/a b", "12345")
    if not is_s3(root):
        assert "cannot do that" in cove.error("sign", f"{root}/a b")
        return
    url, other = cove.lines("sign", f"{root}/a b", f"{root}/none")
    assert urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30).read() == b"12345"
    assert "X-Amz-Expires=3600&" in url and "/none?" in other
    (line,) = cove.json("sign", "--method", "PUT", "--expires", "10m", f"{root}/a b")
    assert line["path"] == f"{root}/a b" and line["method"] == "PUT" and line["expires"] == 600 and "X-Amz-Expires=600&" in line["signed"]
    assert "--expires" in cove.error("sign", "--expires", "soon", f"{root}/a", rc=2)
    assert "seven days" in cove.error("sign", "--expires", "8d", f"{root}/a", rc=2)
    assert "POST" in cove.error("sign", "--method", "POST", f"{root}/a", rc=2)


def test_find_and_du(cove, root):
    put(cove, f"{root}/x/1.ckpt", "1234")
    put(cove, f"{root}/x/y/2.ckpt", "12")
    put(cove, f"{root}/x/y/3.log", "1")
    assert cove.lines("find", f"{root}/x", "-n", "*.ckpt") == [f"{root}/x/1.ckpt", f"{root}/x/y/2.ckpt"]
    assert cove("find", "-0", f"{root}/x/y") == f"{root}/x/y/2.ckpt\0{root}/x/y/3.log\0"
    assert [i["size"] for i in cove.json("find", f"{root}/x")] == [4, 2, 1]
    assert cove("du", f"{root}/x") == f"7\t3\t{root}/x\n"
    assert cove.json("du", f"{root}/x/y") == [{"path": f"{root}/x/y", "bytes": 3, "files": 2}]
    cove.error("find", f"{root}/none", rc=3)
    cove.error("du", f"{root}/none", rc=3)


# ---- cat and cp ----


@pytest.mark.parametrize("name", ["/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled"])
def test_files_of_proc_are_read_to_their_end(cove, name):
    if not Path(name).exists():
        pytest.skip(f"this kernel has no {name}")
    for verb in (["cat", name], ["cp", name, "-"]):
        assert cove(*verb).encode() == Path(name).read_bytes(), verb


def test_cat(cove, root):
    put(cove, f"{root}/a", "one\n")
    put(cove, f"{root}/b", b"\0\xff")
    assert get(cove, f"{root}/a") == b"one\n"
    assert cove("cat", f"{root}/a", f"{root}/b", text=False) == b"one\n\0\xff"
    assert cove("cat", f"{root}/[ab]", text=False) == b"one\n\0\xff"
    cove.error("cat", f"{root}/none", rc=3)
    cove.error("cat", f"{root}/none*", rc=3)
    assert "directory" in cove.error("cat", root, rc=1)


def test_cp_copies_what_it_can_and_reports_failures(cove, root):
    put(cove, f"{root}/a", "one")
    result = subprocess.run([cove.program, "cat", f"{root}/none", f"{root}/a"], env=cove.environ, capture_output=True, timeout=60)
    assert result.returncode == 3 and result.stdout == b"one"


def test_cp_there_and_back(cove, root):
    data = os.urandom(3_000_000)
    (cove.cwd / "in").write_bytes(data)
    assert cove("cp", "in", f"{root}/new/copy") == ""
    assert cove("cp", f"{root}/new/copy", "out") == ""
    assert (cove.cwd / "out").read_bytes() == data
    assert cove("cp", f"{root}/new/copy", "-", text=False) == data
    cove("cp", f"{root}/new/copy", f"{root}/again")
    assert get(cove, f"{root}/again") == data
    (cove.cwd / "empty").write_bytes(b"")
    cove("cp", "empty", f"{root}/empty")
    assert get(cove, f"{root}/empty") == b""


def test_cp_into_directories(cove, root):
    (cove.cwd / "a").write_text("A")
    (cove.cwd / "b").write_text("B")
    cove("cp", "a", "b", f"{root}/dir/")
    assert cove.lines("ls", f"{root}/dir") == ["a", "b"]
    cove("cp", f"{root}/dir/a", f"{root}/dir/b", ".")
    cove("cp", "a", f"{root}/dir")
    assert cove.lines("ls", f"{root}/dir") == ["a", "b"]
    (cove.cwd / "got").mkdir()
    cove("cp", f"{root}/dir/*", "got")
    assert sorted(p.name for p in (cove.cwd / "got").iterdir()) == ["a", "b"]
    assert "is not a directory" in cove.error("cp", "a", "b", f"{root}/nothing", rc=2)
    assert "is not a directory" in cove.error("cp", f"{root}/dir/*", f"{root}/nothing", rc=2)
    (cove.cwd / "other").mkdir()
    (cove.cwd / "other" / "a").write_text("X")
    assert "other/a conflict at" in cove.error("cp", "a", "other/a", f"{root}/dir/", rc=2)
    cove.error("cp", "-", f"{root}/dir/", rc=2)


def test_cp_trees(cove, root):
    tree = cove.cwd / "tree"
    for name in ("1", "d/2", "d/e/3", "d/e/ü ?.txt"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    (tree / "void").mkdir()
    names = sorted(["1", "d/2", "d/e/3", "d/e/ü ?.txt"])
    assert "needs -r" in cove.error("cp", "tree", f"{root}/copy", rc=1)
    cove("cp", "-r", "tree", f"{root}/copy")
    assert sorted(cove.lines("ls", "-R", f"{root}/copy")) == names
    cove("cp", "-r", "tree", f"{root}/copy")  # it is there now: into it
    assert sorted(cove.lines("ls", "-R", f"{root}/copy/tree")) == names
    cove("cp", "-r", f"{root}/copy/tree", "back")
    assert sorted(str(p.relative_to(cove.cwd / "back")) for p in (cove.cwd / "back").rglob("*") if p.is_file()) == names
    assert (cove.cwd / "back/d/e/3").read_text() == "d/e/3"
    cove("cp", "-r", f"{root}/copy/tree", f"{root}/within/")
    assert sorted(cove.lines("ls", "-R", f"{root}/within")) == ["tree/" + n for n in names]
    lines = cove.json("cp", "-r", "-j", "2", "tree", f"{root}/json")
    assert sorted(line["to"] for line in lines) == [f"{root}/json/{n}" for n in names]
    assert all(line["from"].startswith("file:///") and line["size"] > 0 for line in lines)


def test_cp_does_not_leave_its_target(cove):
    """Keys of a store may have ".." in them, and their maker may be another person than the one who copies."""
    sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
    from server import MockServer

    objects = {"b/run/../../out": b"no", "b/run/..": b"no", "b/run/a/../../../out": b"no", "b/run/..a": b"1", "b/run/z": b"2"}
    with MockServer(objects) as server:
        keys = [o for pair in (("endpoint_url", server.endpoint), ("key", "k"), ("secret", "s")) for o in ("-o", "=".join(pair))]
        text = cove.error("cp", "-r", *keys, "s3://b/run", "in/target", rc=1)
    assert text.count("lead out of in/target") == 3
    assert {str(p.relative_to(cove.cwd)) for p in cove.cwd.rglob("*") if p.is_file()} == {"in/target/..a", "in/target/z"}


def test_cp_many_files(cove, root):
    tree = cove.cwd / "many"
    tree.mkdir()
    for i in range(300):
        (tree / f"{i:03}").write_text(str(i) * 50)
    cove("cp", "-r", "-j", "8", "many", f"{root}/many")
    assert cove.json("du", f"{root}/many") == [{"path": f"{root}/many", "bytes": sum(len(str(i)) * 50 for i in range(300)), "files": 300}]


def test_cp_refuses_the_same_file(cove, root):
    put(cove, f"{root}/a", "kept")
    put(cove, f"{root}/d/x", "kept")
    for verb in ("cp", "mv"):
        assert "same file" in cove.error(verb, f"{root}/a", f"{root}/a", rc=2)
        assert "same file" in cove.error(verb, f"{root}/a", f"{root}/", rc=2)
        args = ("-r",) if verb == "cp" else ()
        assert "itself" in cove.error(verb, *args, f"{root}/d", f"{root}/d", rc=2)
        assert "itself" in cove.error(verb, *args, f"{root}/d", f"{root}/d/below/", rc=2)
    assert get(cove, f"{root}/a") == b"kept"
    assert cove.lines("find", f"{root}/d") == [f"{root}/d/x"]


def test_cp_refuses_the_same_file_by_links(cove):
    (cove.cwd / "a").write_text("kept")
    (cove.cwd / "link").symlink_to("a")
    os.link(cove.cwd / "a", cove.cwd / "hard")
    (cove.cwd / "d").mkdir()
    (cove.cwd / "d" / "a").symlink_to("../a")
    (cove.cwd / "s").mkdir()
    (cove.cwd / "s" / "x").write_text("kept")
    (cove.cwd / "t").mkdir()
    (cove.cwd / "t" / "x").symlink_to("../s/x")
    (cove.cwd / "alias").symlink_to("s")
    for verb in ("cp", "mv"):
        cove.error(verb, "a", "link", rc=2)
        cove.error(verb, "link", "a", rc=2)
        cove.error(verb, "a", (cove.cwd / "link").as_uri(), rc=2)
        cove.error(verb, "a", "d/", rc=2)
    cove.error("cp", "a", "hard", rc=2)
    cove.error("cp", "-r", "s/.", "t", rc=2)
    cove.error("cp", "-r", "s", "alias/below/", rc=2)
    cove.error("mv", "s", "alias/below/", rc=2)
    assert (cove.cwd / "hard").read_text() == "kept"
    cove("mv", "hard", "a")
    assert not (cove.cwd / "hard").exists()
    assert (cove.cwd / "a").read_text() == "kept" and (cove.cwd / "s" / "x").read_text() == "kept"


def test_cp_from_a_pipe_and_to_a_device(cove, root):
    fifo = cove.cwd / "fifo"
    os.mkfifo(fifo)
    process = cove.start("cp", fifo, f"{root}/piped")
    fifo.write_bytes(b"through a pipe")
    assert process.communicate(timeout=60)[1] == b"" and process.returncode == 0
    assert get(cove, f"{root}/piped") == b"through a pipe"
    cove("cp", f"{root}/piped", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_special_files_in_a_tree_are_skipped(cove, root):
    d = cove.cwd / "d"
    d.mkdir()
    (d / "f").write_text("x")
    os.mkfifo(d / "pipe")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(d / "socket"))
    result = subprocess.run([cove.program, "cp", "-r", "d", f"{root}/copy"], cwd=cove.cwd, env=cove.environ, capture_output=True, timeout=120)
    assert result.returncode == 0 and result.stderr.decode().splitlines() == [
        f"cove: note: {d}/{name} is neither a file nor a directory: it is not copied" for name in ("pipe", "socket")
    ]
    assert cove.lines("find", f"{root}/copy") == [f"{root}/copy/f"]
    if not root.startswith("file"):
        assert "it is not moved" in cove.error("mv", "d", f"{root}/moved")
        assert "cannot be moved to another store" in cove.error("mv", d / "pipe", f"{root}/pipe", rc=2)
        assert sorted(os.listdir(d)) == ["pipe", "socket"] and cove.lines("find", f"{root}/moved") == [f"{root}/moved/f"]
    cove("mv", d / "pipe", "pipe")
    assert (cove.cwd / "pipe").is_fifo() and not (d / "pipe").exists()


def test_a_pipe_without_a_writer_ends_with_the_timeout(cove):
    os.mkfifo(cove.cwd / "pipe")
    for args in (["cat", "pipe"], ["cp", "pipe", "x"], ["cp", "pipe", "-"]):
        assert "the deadline passed" in cove.error(*args, "--timeout", "200ms", rc=5)
        assert "the deadline passed" in cove.error(*args, "-o", "timeout=200ms", rc=5)
    cove.environ["COVE_TIMEOUT"] = "200ms"
    assert "the deadline passed" in cove.error("cat", "pipe", rc=5)
    (cove.cwd / "f").write_text("x")
    assert "the deadline passed" in cove.error("cp", "f", "pipe", rc=5)
    del cove.environ["COVE_TIMEOUT"]
    for verb in (["ckpt", "show"], ["logs", "show"]):
        cove.error(*verb, "pipe")
    assert sorted(os.listdir(cove.cwd)) == ["f", "pipe"]


def test_the_timeout_does_not_apply_to_standard_input(cove):
    process = cove.start("cp", "-", "x", "--timeout", "50ms", stdin=subprocess.PIPE)
    time.sleep(0.5)
    assert process.communicate(b"late", timeout=120)[1] == b"" and (cove.cwd / "x").read_bytes() == b"late"


def waits(process):
    """Waits until the main thread of a process sleeps in a blocking system call."""
    while Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1][0] != "S" or not blocked(process):
        time.sleep(0.01)


def blocked(process):
    """Waits until the process has installed its signal handlers."""
    caught = next(line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signal.SIGALRM - 1) & 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("args", [["cat", "pipe"], ["cp", "pipe", "x"], ["cp", "f", "pipe"],
                                  ["cp", "-", "x"], ["cp", "big", "-"], ["cat", "big"], ["find", "many"]])  # fmt: skip
def test_one_signal_ends_a_command_that_waits(cove, args, number):
    os.mkfifo(cove.cwd / "pipe")
    (cove.cwd / "f").write_bytes(bytes(1 << 20))
    (cove.cwd / "big").write_bytes(bytes(4 << 20))
    if "many" in args:
        (cove.cwd / "many").mkdir()
        for i in range(2000):
            (cove.cwd / "many" / (f"{i:04}" + "x" * 100)).touch()
    process = cove.start(*args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        waits(process)
        process.send_signal(number)
        assert process.wait(timeout=120) == 130
    finally:
        process.kill()
        process.communicate()
    assert sorted(set(os.listdir(cove.cwd)) - {"many"}) == ["big", "f", "pipe"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored(cove, number):
    process = cove.start("cp", "-", "x", stdin=subprocess.PIPE, preexec_fn=lambda: signal.signal(number, signal.SIG_IGN))
    try:
        waits(process)
        process.send_signal(number)
        assert process.communicate(b"whole", timeout=120)[1] == b"" and process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    assert (cove.cwd / "x").read_bytes() == b"whole"


def test_missing_and_mistaken_paths(cove, root):
    cove.error("cp", "nothing", f"{root}/x", rc=3)
    cove.error("cp", f"{root}/nothing", "x", rc=3)
    assert not (cove.cwd / "x").exists()
    cove.error("mv", f"{root}/nothing", "x", rc=3)
    cove.error("rm", f"{root}/nothing", rc=3)
    cove.error("rm", f"{root}/nothing*", rc=3)
    (cove.cwd / "file").write_text("x")
    cove.error("cp", "file", "file/below", rc=1)
    cove.error("ls", "file/below", rc=1)


# ---- what a full disk, a closed pipe and an interrupt do ----


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_full_disk(cove, root):
    put(cove, f"{root}/a", "x" * 1000)
    for args in (["cat", f"{root}/a"], ["ls", root], ["stat", "--json", f"{root}/a"], ["--help"]):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([cove.program, *args], stdout=full, stderr=subprocess.PIPE, env=cove.environ, timeout=60)
        assert result.returncode == 1 and b"No space left" in result.stderr
    assert "No space left" in cove.error("cp", f"{root}/a", "/dev/full", rc=1)


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if made.returncode != 0:
        pytest.skip("a tmpfs can be mounted by root only")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_copy_that_fills_the_disk_leaves_what_was_there(cove, root, tiny_disk):
    (tiny_disk / "x").write_text("old")
    put(cove, f"{root}/big", b"x" * 3_000_000)
    assert "No space left" in cove.error("cp", f"{root}/big", tiny_disk / "x", rc=1)
    assert [p.name for p in tiny_disk.iterdir()] == ["x"] and (tiny_disk / "x").read_text() == "old"


def test_a_closed_pipe_is_quiet(cove, root):
    put(cove, f"{root}/big", b"x" * 2_000_000)
    process = cove.start("cat", f"{root}/big", stdout=subprocess.PIPE)
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == -signal.SIGPIPE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_partial_file(cove, root, number):
    put(cove, f"{root}/kept", "old")
    read_end, write_end = os.pipe()
    process = cove.start("cp", "-", f"{root}/kept", stdin=read_end)
    os.close(read_end)
    for _ in range(24):  # enough for parts to have been sent
        os.write(write_end, b"x" * 1_000_000)
    process.send_signal(number)
    assert process.wait(timeout=60) == 130
    os.close(write_end)
    assert process.stderr.read() == b""
    assert get(cove, f"{root}/kept") == b"old"
    assert cove.lines("find", root) == [f"{root}/kept"]
    assert cove("uploads", "-q", "--older-than", "0", f"{root}/kept" if is_s3(root) else root) == ""


def test_an_interrupted_wait_for_input_ends(cove):
    process = cove.start("cp", "-", "x", stdin=subprocess.PIPE)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert list(cove.cwd.iterdir()) == []


# ---- mv, mkdir, uploads ----


def test_mv(cove, root):
    put(cove, f"{root}/a", "1")
    put(cove, f"{root}/b", "old")
    cove("mv", f"{root}/a", f"{root}/b")
    assert get(cove, f"{root}/b") == b"1" and cove.lines("ls", root) == ["b"]
    cove("mv", f"{root}/b", "here")
    assert (cove.cwd / "here").read_text() == "1"
    cove.error("stat", f"{root}/b", rc=3)
    cove("mv", "here", f"{root}/d/")
    assert cove.lines("find", root) == [f"{root}/d/here"] and not (cove.cwd / "here").exists()


def test_mv_trees(cove, root):
    for name in ("x/1", "x/d/2"):
        put(cove, f"{root}/{name}", name)
    cove("mv", f"{root}/x", f"{root}/y")
    assert cove.lines("find", root) == [f"{root}/y/1", f"{root}/y/d/2"]
    cove("mv", f"{root}/y", "local")
    assert sorted(str(p.relative_to(cove.cwd / "local")) for p in (cove.cwd / "local").rglob("*") if p.is_file()) == ["1", "d/2"]
    cove.error("stat", f"{root}/y", rc=3)
    cove("mv", "local", f"{root}/z/")
    assert not (cove.cwd / "local").exists()
    assert cove.lines("find", f"{root}/z") == [f"{root}/z/local/1", f"{root}/z/local/d/2"]


def test_mkdir(cove, root):
    cove("mkdir", "-p", f"{root}/new/deep")
    if is_s3(root):
        for make in (["mkdir", "-p", "s3://no-such-bucket/x"], ["cp", __file__, "s3://no-such-bucket/x/"]):
            assert "no such bucket: no-such-bucket (NoSuchBucket); to make it: cove mkdir s3://no-such-bucket" in cove.error(*make, rc=3)
    else:
        assert cove.lines("ls", root) == ["new/"]
        (cove.cwd / "file").write_text("x")
        cove.error("mkdir", "file", rc=1)


def test_uploads(cove, minio):
    """MinIO lists the uploads of a whole name only, not of a prefix."""
    cove.environ.update(minio.environ)
    url = "s3://cove/cli/killed"
    assert cove("uploads", "-q", url) == ""
    process = subprocess.Popen([cove.program, "cp", "-", url], stdin=subprocess.PIPE, env=cove.environ)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not cove("uploads", "-q", "--older-than", "0", url):
        process.stdin.write(b"x" * 4_000_000)
    process.kill()
    process.wait()
    process.stdin.close()
    (upload,) = cove.json("uploads", "-q", "--older-than", "0", url)
    assert upload["path"].endswith("cove/cli/killed") and upload["upload"] and not upload["removed"]
    assert cove.json("uploads", "-q", url) == []  # a day old by default
    assert "1 unfinished upload removed" in cove.error("uploads", "--remove", "--older-than", "0", url, rc=0)
    assert cove("uploads", "-q", "--older-than", "0", url) == ""


# ---- errors of a network ----


def test_refused_connections_and_credentials(cove, minio):
    cove.environ.update(minio.environ)
    port = environment.free_port()
    cove.error("ls", "-o", f"endpoint_url=http://127.0.0.1:{port}", "--timeout", "2s", "s3://cove/x", rc=5)
    cove.environ["AWS_SECRET_ACCESS_KEY"] = "wrong-secret-of-a-user"
    text = cove.error("stat", "s3://cove/x", rc=4)
    assert "wrong-secret" not in text
    assert "wrong-secret" not in cove.error("stat", "-vv", "s3://cove/x", rc=4)


def test_invalid_bucket_names(cove, minio):
    """A HEAD has no body with the reason."""
    cove.environ.update(minio.environ)
    for name, rule in {"b": "3 to 63 characters", "My-Bucket": "only lower-case letters", "a..b": "no two dots in a row"}.items():
        assert rule in cove.error("stat", f"s3://{name}/x", rc=2), name
    assert "bucket names" not in cove.error("stat", "s3://not-there/x", rc=3)

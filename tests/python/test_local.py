"""Local files: owner and mode of a new version, several names of one file, and special files. Through the extension."""

import errno
import fcntl
import os
import signal
import stat
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from cove import _cove

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")


@pytest.fixture
def fs():
    return _cove.Filesystem("file:///")


@pytest.fixture
def folder():
    """One that other users can get to."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def as_nobody(work):
    """What `work` gave or the error that it raised, in a child that is another user."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            outcome = repr(work())
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        os.write(into, outcome.encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        outcome = pipe.read()
    os.waitpid(child, 0)
    return outcome


def make(path, data=b"old", uid=-1, gid=-1, mode=0o644):
    path.write_bytes(data)
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    return str(path)


def whose(path):
    st = os.lstat(path)
    return st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)


def put(fs, path):
    fs.write_file(path, b"new")


def stream(fs, path):
    writer = _cove.Writer(fs, path)
    writer.write(b"new")
    writer.finish()


def copied(fs, path):
    source = path + ".source"
    Path(source).write_bytes(b"new")
    fs.copy(source, path)


def through_a_link(fs, path):
    os.symlink(path, path + ".link")
    fs.write_file(path + ".link", b"new")


WRITES = [put, stream, copied, through_a_link]


# ---- owner and mode ----


@as_root
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("mode", [0o4755, 0o2775, 0o6711, 0o600, 0o640])
def test_root_keeps_the_owner_of_a_file(fs, folder, write, mode):
    path = make(folder / "x", uid=NOBODY, gid=NOBODY - 1, mode=mode)
    write(fs, path)
    assert Path(path).read_bytes() == b"new" and whose(path) == (NOBODY, NOBODY - 1, mode & 0o777)


@as_root
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("mode, left", [(0o6777, 0o777), (0o4757, 0o757), (0o2776, 0o766), (0o662, 0o622)])
def test_set_id_bits_are_cleared_if_owner_or_group_changes(fs, folder, write, mode, left):
    os.chmod(folder, 0o777)
    path = make(folder / "x", uid=1, gid=1, mode=mode)
    assert as_nobody(lambda: write(fs, path)) == "None"
    assert Path(path).read_bytes() == b"new" and whose(path) == (NOBODY, NOBODY, left)


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
@pytest.mark.parametrize("write", [put, stream, copied])
def test_a_new_file_follows_the_umask(fs, tmp_path, write, umask):
    before = os.umask(umask)
    try:
        write(fs, str(tmp_path / "x"))
    finally:
        os.umask(before)
    assert whose(tmp_path / "x")[2] == 0o666 & ~umask


@pytest.mark.parametrize("mode", [None, 0o644, 0o600, 0o755])
def test_an_unpublished_file_is_private(fs, tmp_path, mode):
    if mode is not None:
        make(tmp_path / "x", mode=mode)
    writer = _cove.Writer(fs, str(tmp_path / "x"))
    writer.write(bytes(20 << 20))
    temporary = [name for name in os.listdir(tmp_path) if name.endswith(".cove-tmp")]
    assert [whose(tmp_path / name)[2] for name in temporary] == [0o600]
    writer.finish()
    assert os.listdir(tmp_path) == ["x"]


def test_the_mode_is_that_of_the_replaced_file_at_finish(fs, tmp_path):
    writer = _cove.Writer(fs, str(tmp_path / "x"))
    writer.write(bytes(20 << 20))
    make(tmp_path / "x", mode=0o600)
    writer.finish()
    assert whose(tmp_path / "x")[2] == 0o600 and os.path.getsize(tmp_path / "x") == 20 << 20


@as_root
@pytest.mark.parametrize("write", [put, stream])
def test_a_read_only_directory_is_named(fs, folder, write):
    path = make(folder / "x", uid=NOBODY, gid=NOBODY)
    outcome = as_nobody(lambda: write(fs, path))
    assert outcome.startswith("PermissionError: ") and f"the folder {folder} is not writable" in outcome and "x" in outcome
    assert Path(path).read_bytes() == b"old" and os.listdir(folder) == ["x"]


@as_root
@pytest.mark.parametrize("write", [put, stream])
def test_a_file_of_another_user_in_a_shared_directory_is_not_written(fs, folder, write):
    os.chmod(folder, 0o1777)
    victim = make(folder / "victim", mode=0o644)
    os.symlink(victim, folder / "link")
    os.lchown(folder / "link", NOBODY, NOBODY)
    os.symlink(folder / "none", folder / "dangling")
    os.lchown(folder / "dangling", NOBODY, NOBODY)
    make(folder / "file", uid=NOBODY, gid=NOBODY, mode=0o666)
    for name in ("link", "dangling", "file"):
        with pytest.raises(PermissionError, match="another user"):
            write(fs, str(folder / name))
    os.symlink(victim, folder / "ours")
    write(fs, str(folder / "ours"))
    assert Path(victim).read_bytes() == b"new" and (folder / "file").read_bytes() == b"old"
    assert sorted(os.listdir(folder)) == ["dangling", "file", "link", "ours", "victim"]


def begun(fs, path):
    """A writer whose temporary file is there."""
    writer = _cove.Writer(fs, str(path))
    writer.write(bytes(20 << 20))
    return writer


@pytest.mark.parametrize("finish", [True, False])
@pytest.mark.parametrize("exists", [True, False])
def test_a_write_stays_in_the_directory_that_it_opened(fs, tmp_path, exists, finish):
    (tmp_path / "d").mkdir()
    (tmp_path / "other").mkdir()
    make(tmp_path / "other" / "x", mode=0o4755)
    if exists:
        make(tmp_path / "d" / "x")
    writer = begun(fs, tmp_path / "d" / "x")
    (temporary,) = (name for name in os.listdir(tmp_path / "d") if name != "x")
    make(tmp_path / "other" / temporary, b"another's")
    os.rename(tmp_path / "d", tmp_path / "moved")
    os.symlink("other", tmp_path / "d")
    if finish:
        with pytest.raises(OSError, match="the folder of .*/d/x was moved, removed or replaced meanwhile"):
            writer.finish()
    writer.abort()
    assert tree_of(tmp_path) == {"d": "other", "other/x": b"old", f"other/{temporary}": b"another's"} | ({"moved/x": b"old"} if exists else {})


@as_root
def test_a_file_that_another_user_makes_during_a_write_is_not_replaced(fs, folder):
    os.chmod(folder, 0o1777)
    writer = begun(fs, folder / "x")
    make(folder / "x", uid=NOBODY, gid=NOBODY, mode=0o666)
    with pytest.raises(PermissionError, match="another user"):
        writer.finish()
    assert tree_of(folder) == {"x": b"old"} and whose(folder / "x") == (NOBODY, NOBODY, 0o666)


def test_group_rights_are_not_taken_from_a_file_removed_meanwhile(fs, tmp_path):
    make(tmp_path / "x", mode=0o664)
    writer = begun(fs, tmp_path / "x")
    os.unlink(tmp_path / "x")
    writer.finish()
    assert whose(tmp_path / "x")[2] == 0o644


# ---- ACLs ----

ACL, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def acl(owner, group, mask, other, **users):
    """As the kernel has it: `users` by number, with an underscore before it."""
    entries = [(1, owner, 0xFFFFFFFF), *((2, rights, int(user[1:])) for user, rights in users.items())]
    entries += [(4, group, 0xFFFFFFFF), (16, mask, 0xFFFFFFFF), (32, other, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def set_acl(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("this file system has no ACLs")


def acl_of(path):
    return os.getxattr(path, ACL) if ACL in os.listxattr(path) else None


@pytest.mark.parametrize("write", WRITES)
def test_a_file_keeps_its_acl(fs, folder, write):
    path, value = make(folder / "x", mode=0o600), acl(6, 0, 6, 0, _1234=6)
    set_acl(path, ACL, value)
    write(fs, path)
    assert Path(path).read_bytes() == b"new" and acl_of(path) == value and whose(path)[2] == 0o660


@pytest.mark.parametrize("write", WRITES)
def test_a_file_without_acl_does_not_get_the_directorys_default(fs, folder, write):
    path = make(folder / "x", mode=0o664)
    set_acl(folder, DEFAULT, acl(7, 7, 7, 0, _1234=7))
    write(fs, path)
    assert Path(path).read_bytes() == b"new" and acl_of(path) is None and whose(path)[2] == 0o664


@as_root
@pytest.mark.parametrize("write", WRITES)
def test_an_acl_is_dropped_if_the_group_changes(fs, folder, write):
    os.chmod(folder, 0o777)
    path = make(folder / "x", uid=1, gid=1)
    set_acl(path, ACL, acl(6, 6, 7, 5, **{f"_{NOBODY}": 6}))
    assert as_nobody(lambda: write(fs, path)) == "None"
    assert Path(path).read_bytes() == b"new" and acl_of(path) is None and whose(path) == (NOBODY, NOBODY, 0o644)


@as_root
@pytest.mark.parametrize("group, mask, other, user, left", [(0, 6, 0, 6, 0o600), (6, 6, 4, 0, 0o600), (6, 4, 6, 6, 0o644), (7, 7, 5, 5, 0o655)])
def test_dropping_an_acl_grants_no_new_rights(fs, tmp_path, group, mask, other, user, left):
    (tmp_path / "disk").mkdir()
    path = make(tmp_path / "x", mode=0o600)
    set_acl(path, ACL, acl(6, group, mask, other, _1234=user))
    mounted("-t", "ramfs", "none", tmp_path / "disk")
    try:
        fs.move(path, str(tmp_path / "disk" / "x"))
        assert whose(tmp_path / "disk" / "x")[2] == left
    finally:
        subprocess.run(["umount", tmp_path / "disk"], check=True)


@as_root
def test_a_pipe_that_another_user_put_into_a_shared_folder_is_not_written(fs, folder):
    os.chmod(folder, 0o1777)
    os.mkfifo(folder / "pipe")
    os.chown(folder / "pipe", NOBODY, NOBODY)
    os.chmod(folder / "pipe", 0o666)
    os.symlink("pipe", folder / "link")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("pipe", "link"):
        for write in (put, stream, copied, lambda fs, path: fs.append(path, b"new")):
            with pytest.raises(PermissionError, match="another user"):
                write(fs, str(folder / name))
    assert os.read(reader, 10) == b""
    os.close(reader)
    os.chown(folder / "pipe", os.geteuid(), os.getegid())
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    fs.write_file(str(folder / "pipe"), b"new")
    assert os.read(reader, 10) == b"new"
    os.close(reader)


def test_a_path_below_proc_self_fd_is_written(fs, tmp_path):
    reader, writer = os.pipe()
    fs.write_file(f"/proc/self/fd/{writer}", b"one")
    fs.append(f"/dev/fd/{writer}", b"two")
    assert os.read(reader, 10) == b"onetwo"
    os.close(reader), os.close(writer)


# ---- several writers ----


class Locked:
    """A file that another writer is just looking at; what is done to it meanwhile waits."""

    def __init__(self, path, work):
        self.fd, self.error = os.open(path, os.O_RDWR), None
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        self.thread = threading.Thread(target=self.run, args=(work,))
        self.thread.start()
        self.thread.join(0.5)  # time to go wrong

    def run(self, work):
        try:
            work()
        except Exception as error:
            self.error = error

    def release(self):
        os.close(self.fd)
        self.thread.join()
        return self.error


def test_an_append_does_not_go_to_a_file_that_is_being_replaced(fs, tmp_path):
    path = make(tmp_path / "x")
    locked = Locked(path, lambda: fs.append(path, b"+row"))
    os.replace(make(tmp_path / "y", b"newer"), path)
    assert locked.release() is None and Path(path).read_bytes() == b"newer+row"


def test_a_file_that_is_being_appended_to_is_not_replaced(fs, tmp_path):
    path = make(tmp_path / "x")
    etag = fs.stat(path)[4]
    locked = Locked(path, lambda: fs.write_file(path, b"new", condition="match", etag=etag))
    os.write(locked.fd, b"old+row")
    assert isinstance(locked.release(), _cove.PreconditionFailed) and tree_of(tmp_path) == {"x": b"old+row"}


@pytest.mark.parametrize("name", ids=["two", "three", "four"], argvalues=["a" + "\u00e9" * 127, "\u20ac" * 85, "a\U0001d11e" * 51])
def test_temporary_names_are_utf_8(fs, tmp_path, name):
    writer = _cove.Writer(fs, str(tmp_path / name))
    writer.write(bytes(20 << 20))
    (temporary,) = os.listdir(os.fsencode(tmp_path))
    assert temporary.decode().endswith(".cove-tmp")
    writer.finish()
    assert os.listdir(tmp_path) == [name]


# ---- one file, many names ----


def tree_of(path):
    return {str(p.relative_to(path)): os.readlink(p) if p.is_symlink() else p.read_bytes() for p in path.rglob("*") if p.is_symlink() or p.is_file()}


def test_a_link_and_its_target(fs, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "real").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("d/real")
    (tmp_path / "e").symlink_to("d")
    before = tree_of(tmp_path)
    for a, b in [("link", "d/real"), ("d/real", "link"), ("d/real", "e/real"), ("d/real", "d/../d/real"), ("link", "e/real")]:
        for call in (fs.move, fs.copy):
            with pytest.raises(OSError, match="same file") as caught:
                call(str(tmp_path / a), str(tmp_path / b))
            assert caught.value.errno == errno.EINVAL and tree_of(tmp_path) == before


def test_hard_links(fs, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "a").write_bytes(b"x")
    os.link(tmp_path / "a", tmp_path / "b")
    os.link(tmp_path / "a", tmp_path / "d" / "a")
    with pytest.raises(OSError, match="same file"):
        fs.copy(str(tmp_path / "a"), str(tmp_path / "b"))
    fs.move(str(tmp_path / "a"), str(tmp_path / "b"))
    assert tree_of(tmp_path) == {"b": b"x", "d/a": b"x"}
    with pytest.raises(OSError, match="same file"):
        fs.move(str(tmp_path / "b"), str(tmp_path / "d/../b"))
    fs.move(str(tmp_path / "b"), str(tmp_path / "d/a"))
    assert tree_of(tmp_path) == {"d/a": b"x"}


def test_a_directory_into_itself(fs, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"x")
    (tmp_path / "link").symlink_to("d")
    for target in ("d/in", "d/in/deeper", "link/in", "link/in/deeper", "d/../d/in"):
        with pytest.raises(OSError, match="into itself"):
            fs.move(str(tmp_path / "d"), str(tmp_path / target))
    for target in ("link", "d/../d"):
        with pytest.raises(OSError, match="same directory|same file"):
            fs.move(str(tmp_path / "d"), str(tmp_path / target))
    assert sorted(os.listdir(tmp_path)) == ["d", "link"] and os.listdir(tmp_path / "d") == ["f"]
    fs.move(str(tmp_path / "d"), str(tmp_path / "dd"))
    assert (tmp_path / "dd" / "f").read_bytes() == b"x"


def test_a_link_to_nothing_moves(fs, tmp_path):
    (tmp_path / "link").symlink_to("none")
    fs.move(str(tmp_path / "link"), str(tmp_path / "moved"))
    assert tree_of(tmp_path) == {"moved": "none"}


def mounted(*args):
    if subprocess.run(["mount", *args], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount")


@as_root
def test_a_bind_mount(fs, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "m").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"precious")
    mounted("--bind", tmp_path / "d", tmp_path / "m")
    try:
        for call in (fs.move, fs.copy):
            with pytest.raises(OSError, match="same file"):
                call(str(tmp_path / "d/f"), str(tmp_path / "m/f"))
        with pytest.raises(OSError, match="same directory"):
            fs.move(str(tmp_path / "d"), str(tmp_path / "m"))
        with pytest.raises(OSError, match="into itself"):
            fs.move(str(tmp_path / "d"), str(tmp_path / "m/in"))
        assert os.listdir(tmp_path / "d") == ["f"] and (tmp_path / "d" / "f").read_bytes() == b"precious"
        fs.move(str(tmp_path / "d/f"), str(tmp_path / "m/g"))
        assert os.listdir(tmp_path / "d") == ["g"]
    finally:
        subprocess.run(["umount", tmp_path / "m"], check=True)


@as_root
def test_a_move_to_another_disk_keeps_what_is_private(fs, tmp_path):
    (tmp_path / "disk").mkdir()
    mounted("-t", "tmpfs", "none", tmp_path / "disk")
    try:
        for mode in (0o600, 0o6755):
            path = make(tmp_path / "x", uid=NOBODY, gid=NOBODY, mode=mode)
            fs.move(path, str(tmp_path / "disk" / "x"))
            assert whose(tmp_path / "disk" / "x") == (NOBODY, NOBODY, mode & 0o777) and not os.path.exists(path)
            os.unlink(tmp_path / "disk" / "x")
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="neither a file nor a directory"):
            fs.move(str(tmp_path / "pipe"), str(tmp_path / "disk" / "pipe"))
        assert os.listdir(tmp_path / "disk") == []
    finally:
        subprocess.run(["umount", tmp_path / "disk"], check=True)


def test_a_memory_directory_is_not_moved_onto_the_root():
    fs = _cove.Filesystem("memory://")
    fs.write_file("local-move/d/f", b"x")
    with pytest.raises(FileExistsError):
        fs.move("local-move/d", "")
    assert fs.read_range("local-move/d/f", 0, 10) == b"x"
    fs.remove_tree("local-move")


# ---- what is no file ----


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


def test_a_pipe_has_no_offsets(fs, pipe):
    for read in (lambda: fs.read_range(pipe, 0, 10), lambda: fs.read_range(pipe, -10, 10), lambda: _cove.Reader(fs, pipe).read(10)):
        with pytest.raises(OSError, match="is a pipe"):
            read()


def test_a_pipe_without_a_peer_ends_with_the_timeout(pipe, tmp_path):
    fs = _cove.Filesystem("file:///", {"timeout": "200ms"})
    for call in (lambda: fs.copy(pipe, str(tmp_path / "x")), lambda: put(fs, pipe), lambda: stream(fs, pipe)):
        with pytest.raises(TimeoutError, match="deadline"):
            call()
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_full_pipe_ends_with_the_timeout(pipe):
    fs = _cove.Filesystem("file:///", {"timeout": "200ms"})
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(TimeoutError, match="deadline"):
        fs.write_file(pipe, bytes(1 << 20))
    os.close(reader)


def test_bytes_go_through_pipes(fs, pipe, tmp_path):
    data = os.urandom(1 << 20)
    writer = threading.Thread(target=Path(pipe).write_bytes, args=(data,))
    writer.start()
    fs.copy(pipe, str(tmp_path / "x"))
    writer.join()
    got = []
    reader = threading.Thread(target=lambda: got.append(Path(pipe).read_bytes()))
    reader.start()
    fs.copy(str(tmp_path / "x"), pipe)
    reader.join()
    assert (tmp_path / "x").read_bytes() == data and got == [data]


def test_an_interrupt_ends_the_wait_for_a_pipe(pipe, python):
    process = python.start(
        """
        import sys
        from cove import _cove
        fs = _cove.Filesystem("file:///")
        try:
            print("begins", flush=True)
            fs.copy(sys.argv[1], sys.argv[1] + ".copy")
        except KeyboardInterrupt:
            print("interrupted")
    """,
        pipe,
    )
    try:
        assert process.stdout.readline() == "begins\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120)[0] == "interrupted\n"
    finally:
        process.kill()

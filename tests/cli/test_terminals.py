"""Untrusted text (names, tags, keys, messages) is safe on a terminal; pipes get names unchanged. Sums of untrusted sizes do not overflow."""

import json
import os
import pty
import subprocess

import pytest

EVIL = b"a\x1b[31m\xc2\x9b31m\xe2\x80\xaegpj\xe2\x81\xa6\xe2\x80\x8e\xff"
SHOWN = b"a?[31m?31m?gpj???"


@pytest.fixture
def program(build):
    return str(build / "cli" / "cove")


def on_terminal(program, *args, cwd):
    """Runs the program on a terminal. Returns its output and errors as the terminal got them."""
    here, there = pty.openpty()
    with subprocess.Popen([program, *args], cwd=cwd, stdin=subprocess.DEVNULL, stdout=there, stderr=there) as process:
        os.close(there)
        text = b""
        while True:
            try:
                piece = os.read(here, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            text += piece
    os.close(here)
    return process.returncode, text.replace(b"\r\n", b"\n")


def piped(program, *args, cwd):
    result = subprocess.run([program, *args], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return result.returncode, result.stdout, result.stderr


def test_names(program, tmp_path):
    (tmp_path / os.fsdecode(EVIL)).write_bytes(b"x")
    for verb in ("ls", "find"):
        assert on_terminal(program, verb, ".", cwd=tmp_path)[1].strip().endswith(SHOWN), verb
        assert piped(program, verb, ".", cwd=tmp_path)[1].strip().endswith(EVIL), verb
    document = json.loads(piped(program, "ls", "--json", cwd=tmp_path)[1])
    assert document["path"].endswith("a\x1b[31m\x9b31m\u202egpj\u2066\u200e\ufffd")
    text = on_terminal(program, "ls", "--json", cwd=tmp_path)[1]
    assert json.loads(text) == document and b"\\u202e" in text and b"\\u009b" in text


def test_messages(program, tmp_path):
    for run in (on_terminal, piped):
        rc, *texts = run(program, "cat", "-vv", EVIL, cwd=tmp_path)
        text = b"".join(texts)
        assert rc == 3 and text.startswith(b"cove: ")
        for bad in (b"\x1b", b"\xc2\x9b", b"\xe2\x80\xae", b"\xff"):
            assert bad not in text, text


def test_an_unknown_verb(program, tmp_path):
    for run in (on_terminal, piped):
        rc, *texts = run(program, EVIL, cwd=tmp_path)
        assert rc == 2 and b"".join(texts).startswith(b'cove: there is no verb "' + SHOWN + b'"; ')


def test_tags_of_logs(program, tmp_path):
    header = b"epoch,step," + EVIL[:-1] + b"\n"
    (tmp_path / "metrics.csv").write_bytes(header + b"0,1,0.5\n")
    rc, text = on_terminal(program, "logs", "show", ".", cwd=tmp_path)
    assert rc == 0 and SHOWN[:-1] in text and b"\x1b" not in text and b"\xc2\x9b" not in text, text
    assert EVIL[:-1] in piped(program, "logs", "show", ".", cwd=tmp_path)[1]


def test_keys_of_checkpoints(program, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"k\x1b[31m\u202e": "v\x1b]0;x\x07\x9b"}, tmp_path / "x.ckpt")
    for run in (on_terminal, piped):
        rc, text, *_ = run(program, "ckpt", "show", "x.ckpt", cwd=tmp_path)
        assert rc == 0 and text == b'k?[31m?: "v?]0;x??"\n', text


def test_totals_of_claimed_sizes(program, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save([torch.zeros(1).expand(1 << 60) for _ in range(20)], tmp_path / "x.ckpt")
    rc, text, _ = piped(program, "ckpt", "show", "x.ckpt", cwd=tmp_path)
    assert rc == 0 and text.endswith(b"20 tensors, 9223372036854775807 elements, 8.0 EiB\n"), text[-200:]


def test_a_credential_process_has_no_terminal(program, tmp_path):
    """With one, it would be stopped when it reads, and never end."""
    (tmp_path / "ask.sh").write_text("cat </dev/tty\nexit 9\n")
    (tmp_path / "config").write_text(f"[default]\nregion = us-east-1\ncredential_process = sh {tmp_path}/ask.sh\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ |= {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    child, terminal = pty.fork()  # in a session with this terminal
    if child == 0:
        os.execve(program, [program, "cat", "--timeout", "60s", "s3://b/k"], environ)
    text = b""
    try:
        while piece := os.read(terminal, 65536):
            text += piece
    except OSError:  # its end
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    assert b"ended with status 9" in text, text

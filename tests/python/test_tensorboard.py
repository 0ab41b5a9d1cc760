"""TensorBoard with cove URLs: its file layer, its writer, its readers and its server; also with boto3 installed."""

import os
import signal
import subprocess
import sys
import textwrap
import urllib.request

import fsspec
import pytest

pytest.importorskip("tensorboard")
gfile = pytest.importorskip("tensorboard.compat.tensorflow_stub.io.gfile")

from tensorboard.backend.event_processing import event_file_loader, plugin_event_multiplexer  # noqa: E402
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from tensorboard.compat.tensorflow_stub import errors  # noqa: E402

from counted import proxy, root  # noqa: E402, F401


@pytest.fixture
def writer_of(proxy):
    """Makes torch's SummaryWriter, which uses TensorBoard's EventFileWriter; closed in the end."""
    SummaryWriter = pytest.importorskip("torch.utils.tensorboard").SummaryWriter
    made = []

    def make(url, **options):
        made.append(SummaryWriter(url, **options))
        return made[-1]

    yield make
    for writer in made:
        writer.close()
        gfile.exists(writer.log_dir)  # which sends what is left, while the proxy is there


def event_file(url):
    fs, path = fsspec.core.url_to_fs(url)
    (name,) = (name for name in fs.find(path) if "tfevents" in name)
    return fs.unstrip_protocol(name)


def scalars(path, tag="loss"):
    accumulator = EventAccumulator(path, size_guidance={"scalars": 0})
    accumulator.Reload()
    return [(e.step, e.value) for e in accumulator.Scalars(tag)] if tag in accumulator.Tags()["scalars"] else []


def elsewhere(code, *args, wait=True, **environ):
    """Runs a piece of Python in its own process; what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
    )
    if not wait:
        return process
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


# ---- the file layer ----


def test_each_call_of_the_file_layer(root):
    assert not gfile.exists(root + "/d") and not gfile.isdir(root + "/d")
    gfile.makedirs(root + "/d/e")
    assert gfile.isdir(root + "/d/e") and gfile.exists(root + "/d/e")
    with gfile.GFile(root + "/d/a.txt", "w") as file:
        file.write("one\n")
        file.write("zwölf\n")
    with gfile.GFile(root + "/d/b.bin", "wb") as file:
        file.write(b"\0\1")
        file.write(b"\2")
        file.flush()
        assert gfile.stat(root + "/d/b.bin").length == 3
    with gfile.GFile(root + "/d/a.txt", "r") as file:
        assert list(file) == ["one\n", "zwölf\n"]
    with gfile.GFile(root + "/d/b.bin", "rb") as file:
        assert (file.read(1), file.read(1), file.read(), file.read(1)) == (b"\0", b"\1", b"\2", b"")
    assert set(gfile.listdir(root + "/d")) - {"e"} == {"a.txt", "b.bin"}  # an empty folder is known to this process alone
    assert sorted(gfile.glob(root + "/d/*.*")) == [root + "/d/a.txt", root + "/d/b.bin"]
    assert [sorted(names) for _, _, names in gfile.walk(root)][:2] == [[], ["a.txt", "b.bin"]]
    assert gfile.get_filesystem(root).join(root, "a", "b") == root + "/a/b"
    for call in gfile.stat, lambda url: gfile.GFile(url, "rb").read():
        with pytest.raises(errors.NotFoundError):
            call(root + "/none")


def test_a_growing_file_is_read_further(root):
    """How TensorBoard follows a run: one open reader, asked again and again."""
    with gfile.GFile(root + "/log", "wb") as out:
        out.write(b"one")
        reader = gfile.GFile(root + "/log", "rb")
        assert reader.read(10) == b"one" and reader.read(10) == b""
        out.write(b"two")
        assert reader.read(10) == b"two"


# ---- the writer ----


def test_a_thousand_scalars_take_few_requests(root, proxy, writer_of):
    writer = writer_of(root)
    proxy.clear()
    for step in range(1000):
        writer.add_scalar("loss", step * 0.5, step)
        if step % 250 == 249:
            writer.flush()
    writer.close()
    costs, sent = proxy.count(), proxy.sent
    assert scalars(root) == [(step, step * 0.5) for step in range(1000)]
    size = gfile.stat(event_file(root)).length
    # A second more or less is a request more or less; one an event would be a thousand.
    assert costs < 100 and sent < 100 * size
    assert proxy.count("PUT") >= 1


def test_lightnings_checks_after_each_step_send_no_request(root, proxy, tmp_path):
    """It asks for the log's folder and for the file of hyperparameters, which would be an append and three requests a step."""
    loggers = pytest.importorskip("lightning.pytorch.loggers")
    for place in root, str(tmp_path):
        proxy.clear()
        logger = loggers.TensorBoardLogger(place, name="", version="run")
        logger.log_hyperparams({"lr": 0.5})
        for step in range(300):
            logger.log_metrics({"loss": step}, step)
            logger.save()
        logger.finalize("success")
        if place == root:
            assert proxy.count() < 200  # some a second
    assert scalars(root + "/run") == scalars(str(tmp_path / "run")) == [(n, n) for n in range(300)]
    assert fsspec.open(root + "/run/hparams.yaml").open().read() == (tmp_path / "run/hparams.yaml").read_bytes()


def test_a_cached_existence_ends_with_the_file(root, proxy):
    """Beside a log that is written to: what is removed here is gone at once, and what is not there is looked for each time."""
    fs, path = fsspec.core.url_to_fs(root)
    fs.pipe_file(path + "/beside", b"1")

    def log():
        with fs.open(path + "/logs/log", "ab") as file:
            file.write(b"line\n")

    log()
    assert fs.isfile(path + "/beside") and fs.isdir(path + "/logs") and fs.isdir(path) and not fs.isdir(path + "/log")
    proxy.clear()
    log()
    assert fs.isfile(path + "/beside") and fs.isdir(path + "/logs") and not fs.isdir(path + "/beside") and not fs.isfile(path + "/logs")
    fs.rm_file(path + "/beside")
    log()
    assert not fs.isfile(path + "/beside")
    fs.pipe_file(path + "/late", b"1")
    log()
    assert fs.isfile(path + "/late")
    fs.rm(path + "/logs", recursive=True)
    assert not fs.isdir(path + "/logs") and not fs.exists(path + "/logs/log")


def test_this_process_sees_each_byte_at_once(root, writer_of):
    writer = writer_of(root)
    for step in range(20):
        writer.add_scalar("loss", step, step)
        writer.flush()
        assert scalars(root) == [(n, n) for n in range(step + 1)]


def test_another_process_sees_it_within_the_interval(root, writer_of):
    """It asks again until it is there: the interval is a second, the deadline a minute."""
    writer = writer_of(root)
    for step in range(5):
        writer.add_scalar("loss", step, step)
    writer.flush()
    output = elsewhere(
        """
        import sys, time
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        import fsspec
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            accumulator = EventAccumulator(sys.argv[1])
            accumulator.Reload()
            if "loss" in accumulator.Tags()["scalars"] and len(accumulator.Scalars("loss")) == 5:
                print("all")
                break
            time.sleep(0.05)
        """,
        root,
    )
    assert output.strip() == "all"


WRITES = """
    import sys
    import fsspec
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(sys.argv[1])
    fs, path = fsspec.core.url_to_fs(sys.argv[1])
    for step in range(100):
        writer.add_scalar("loss", step, step)
    writer.flush()
    print(fs.du(path), flush=True)      # asks the store, so what this process has written goes there first
    for step in range(100, 200):
        writer.add_scalar("loss", step, step)
    print("more", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_loses_only_unsent_bytes(root):
    process = elsewhere(WRITES, root, wait=False)
    handed_over = int(process.stdout.readline())
    assert process.stdout.readline() == "more\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    there = scalars(root)
    assert there[:100] == [(n, n) for n in range(100)]
    assert there == [(n, n) for n in range(len(there))]  # the rest, if any, is whole
    assert gfile.stat(event_file(root)).length >= handed_over


def test_a_normal_exit_loses_nothing(root):
    elsewhere(
        """
        import sys
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        writer = EventFileWriter(sys.argv[1])
        for step in range(50):
            writer.add_event(Event(step=step, summary=Summary(value=[Summary.Value(tag="loss", simple_value=step)])))
        writer._async_writer._byte_queue.join()     # TensorBoard's own queue; neither flush nor close
        """,
        root,
    )
    assert scalars(root) == [(n, n) for n in range(50)]


def test_a_remote_log_equals_a_local_one(root, tmp_path, writer_of):
    for place in root, str(tmp_path):
        writer = writer_of(place)
        for step in range(30):
            writer.add_scalar("loss", step, step, walltime=step)
        writer.add_text("note", "hello", 3, walltime=1)
        writer.close()

    def records(path):
        loader = event_file_loader.RawEventFileLoader(path)
        return list(loader.Load())[1:]  # the first one has the time

    assert records(event_file(root)) == records(event_file(str(tmp_path))) and len(records(event_file(root))) == 31


# ---- the readers ----


def test_tensorboard_finds_and_follows_a_logdir(root, writer_of):
    writers = {name: writer_of(f"{root}/{name}") for name in ("a", "b/c")}
    for name, writer in writers.items():
        writer.add_scalar("loss", len(name), 1)
        writer.flush()
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(root)
    multiplexer.Reload()
    assert sorted(multiplexer.Runs()) == ["a", "b/c"]
    writers["a"].add_scalar("loss", 7, 2)
    writers["a"].flush()
    writer_of(root + "/late").add_scalar("loss", 1, 1)
    multiplexer.AddRunsFromDirectory(root)
    multiplexer.Reload()
    assert sorted(multiplexer.Runs()) == ["a", "b/c", "late"]
    assert [e.step for e in multiplexer.GetAccumulator("a").Tensors("loss")] == [1, 2]


def serve(root, *paths, **environ):
    """TensorBoard's program on a logdir; (process, its address)."""
    process = elsewhere(
        """
        import sys
        from tensorboard import default, program

        server = program.TensorBoard(default.get_plugins())
        server.configure(argv=["tensorboard", "--logdir", sys.argv[1], "--host", "127.0.0.1", "--port", "0", "--reload_interval", "1"])
        print(server.launch(), flush=True)
        sys.stdin.read()
        """,
        root,
        wait=False,
        **environ,
    )
    return process, process.stdout.readline().strip()


def runs_of(address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(600):  # until it has looked
        with opener.open(address + "data/runs", timeout=30) as response:
            output = response.read().decode()
        if output.strip() != "[]":
            return output
    return output


def test_the_server_shows_a_remote_logdir(root, writer_of):
    writer = writer_of(root + "/run")
    writer.add_scalar("loss", 1, 1)
    writer.close()
    process, address = serve(root)
    try:
        assert runs_of(address).strip() == '["run"]'
    finally:
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    "where, given, load_fast",
    [
        ("--logdir=gs://b/x", "auto", "false"),
        ("--logdir_spec=name:gs://b/x", "auto", "false"),
        ("--logdir=gs://b/x", "true", "true"),
        ("--logdir=/x", "auto", "auto"),
    ],
)
def test_the_faster_loader_is_left_out_for_google(where, given, load_fast):
    from tensorboard import default, program

    import cove.tensorboard

    server = program.TensorBoard([cove.tensorboard.Loader(), *default.get_static_plugins()])
    server.configure(argv=["tensorboard", where, f"--load_fast={given}"])
    assert server.flags.load_fast == load_fast


# ---- where boto3 is installed ----

FAKE = {
    "boto3/__init__.py": "def client(*args, **kwargs):\n    raise AssertionError('boto3 was asked')\n\nresource = client\n",
    "botocore/__init__.py": "",
    "botocore/exceptions.py": "class ClientError(Exception):\n    pass\n",
}


@pytest.fixture
def boto3(tmp_path):
    """A folder with a boto3 that is there and must not be asked."""
    folder = tmp_path / "fake"
    for name, text in FAKE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


WITH_BOTO3 = """
    import sys
    sys.path.insert(0, sys.argv[2])
    import cove
    {before}
    from tensorboard.compat.tensorflow_stub.io import gfile
    assert gfile.S3_ENABLED
    {after}
    with gfile.GFile(sys.argv[1] + "/x", "w") as file:
        file.write("text")
    print(gfile.GFile(sys.argv[1] + "/x", "r").read(), gfile.exists(sys.argv[1] + "/y"))
"""


@pytest.mark.parametrize("where", ["before", "after"])
def test_register_puts_fsspec_before_boto3(root, boto3, where):
    code = WITH_BOTO3.format(**{"before": "", "after": "", where: "cove.register()"})
    assert elsewhere(code, root, str(boto3)).split() == ["text", "False"]


def test_without_register_tensorboard_uses_boto3(root, boto3):
    """What the one above shows would be nothing otherwise."""
    process = elsewhere(WITH_BOTO3.format(before="", after=""), root, str(boto3), wait=False)
    _, err = process.communicate(timeout=120)
    assert process.returncode != 0 and "boto3 was asked" in err


def test_s3a_uses_fsspec_without_register(root, boto3):
    assert elsewhere(WITH_BOTO3.format(before="", after=""), root.replace("s3://", "s3a://"), str(boto3)).split() == ["text", "False"]


def test_the_server_finds_the_package_by_its_entry_point(root, boto3, writer_of):
    writer = writer_of(root + "/run")
    writer.add_scalar("loss", 1, 1)
    writer.close()
    process, address = serve(root, PYTHONPATH=os.pathsep.join([str(boto3), *sys.path]))
    try:
        assert runs_of(address).strip() == '["run"]'
    finally:
        process.communicate(timeout=60)

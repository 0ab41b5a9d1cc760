"""Logs against TensorBoard, torch and Lightning: they read what cove writes, and cove reads what they write."""

import csv
import math
import random
import struct
import subprocess

import numpy
import pytest

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
from tensorboard.backend.event_processing import event_file_loader  # noqa: E402
from tensorboard.plugins.hparams import plugin_data_pb2  # noqa: E402

SummaryWriter = pytest.importorskip("torch.utils.tensorboard").SummaryWriter


@pytest.fixture(scope="session")
def tool(build):
    def run(*args, stdin=""):
        result = subprocess.run([build / "tests" / "interop" / "events_tool", *map(str, args)], input=stdin, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture
def written(tool, tmp_path):
    """The event file that the tool writes; its folder has nothing else."""
    path = tool("write", tmp_path / "logs" / "run").strip()
    assert [str(p) for p in (tmp_path / "logs" / "run").iterdir()] == [path]
    return path


def accumulate(path):
    accumulator = event_accumulator.EventAccumulator(
        path, size_guidance={event_accumulator.SCALARS: 0, event_accumulator.HISTOGRAMS: 0, event_accumulator.TENSORS: 0}
    )
    accumulator.Reload()
    return accumulator


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


# ---- they read what cove writes ----


def test_scalars(written):
    accumulator = accumulate(written)
    assert sorted(accumulator.Tags()["scalars"]) == ["train/loss", "val/acc"]
    loss = accumulator.Scalars("train/loss")
    assert [(e.step, e.value, e.wall_time) for e in loss] == [(i, float32(1 / (i + 1)), 1700000000 + i) for i in range(500)]
    assert [e.value for e in accumulator.Scalars("val/acc")] == [float32(i * 0.001) for i in range(500)]


def test_text(written):
    (event,) = accumulate(written).Tensors("note/text_summary")
    assert (event.step, event.tensor_proto.string_val) == (7, ["# Größe\n\nzwei **Zeilen**".encode()])
    assert accumulate(written).SummaryMetadata("note/text_summary").plugin_data.plugin_name == "text"


def values_of_the_tool(n):
    return numpy.array([(i - 300) * (i % 7 - 2.5) * 1e-3 for i in range(n)]).astype(numpy.float32)


def test_histograms_have_the_buckets_of_torchs_writer(written, tmp_path):
    with SummaryWriter(tmp_path / "torch") as writer:
        writer.add_histogram("weights", values_of_the_tool(1000), 3)
        writer.add_histogram("weights", values_of_the_tool(10), 4)
    ours, theirs = accumulate(written).Histograms("weights"), accumulate(str(tmp_path / "torch")).Histograms("weights")
    assert [e.step for e in ours] == [3, 4] and ours[0].wall_time == 1700000003
    for a, b in zip(ours, theirs):
        a, b = a.histogram_value, b.histogram_value
        assert list(a.bucket_limit) == list(b.bucket_limit) and list(a.bucket) == list(b.bucket)
        assert (a.min, a.max, a.num) == (b.min, b.max, b.num)
        assert math.isclose(a.sum, b.sum, rel_tol=1e-12) and math.isclose(a.sum_squares, b.sum_squares, rel_tol=1e-12)


def test_hparams(written):
    accumulator = accumulate(written)
    experiment, start, end = (
        plugin_data_pb2.HParamsPluginData.FromString(accumulator.SummaryMetadata(f"_hparams_/{tag}").plugin_data.content)
        for tag in ("experiment", "session_start_info", "session_end_info")
    )
    assert [i.name for i in experiment.experiment.hparam_infos] == ["lr", "optimizer", "amp"]
    assert [i.type for i in experiment.experiment.hparam_infos] == [3, 1, 2]
    assert [i.name.tag for i in experiment.experiment.metric_infos] == ["hp_metric", "val/acc"]
    values = start.session_start_info.hparams
    assert values["lr"].number_value == 0.02 and values["optimizer"].string_value == "adam" and values["amp"].bool_value is True
    assert end.session_end_info.status == 1 and end.session_end_info.end_time_secs > 1.7e9


def test_hparams_plugin_shows_the_session(written, tmp_path):
    """The plugin's own way from event files to the table."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
    from tensorboard.context import RequestContext

    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path / "logs"))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path / "logs"))
    context = backend_context.Context(TBContext(logdir=str(tmp_path / "logs"), data_provider=provider))
    metadata = context.hparams_metadata(RequestContext(), "")
    experiment = context.experiment_from_metadata(RequestContext(), "", False, metadata, [])
    assert {i.name for i in experiment.hparam_infos} == {"lr", "optimizer", "amp"}
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=10, allowed_statuses=[api_pb2.STATUS_SUCCESS], col_params=[api_pb2.ColParams(metric=api_pb2.MetricName(tag="val/acc"))]
    )
    response = list_session_groups.Handler(RequestContext(), context, "", request).run()
    (group,) = response.session_groups
    assert group.hparams["lr"].number_value == 0.02
    assert [m.value for m in group.metric_values if m.name.tag == "val/acc"] == [pytest.approx(0.499)]


def test_raw_loader_reads_every_record(written):
    events = list(event_file_loader.RawEventFileLoader(written).Load())
    assert len(events) == 1 + 3 + 1000 + 3
    first = next(iter(event_file_loader.EventFileLoader(written).Load()))
    assert first.file_version == "brain.Event:2" and first.source_metadata.writer == "cove"


def load_with_the_data_server(folder):
    """What TensorBoard's second reader, in Rust, prints of the files below a folder."""
    server = pytest.importorskip("tensorboard_data_server")
    process = subprocess.Popen(
        [server.server_binary(), "--logdir", folder, "--port", "0", "--reload", "once", "--die-after-stdin", "--checksum", "--verbose"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    lines = []
    for line in process.stderr:
        lines.append(line.decode())
        if "Finished load cycle" in lines[-1]:
            break
    process.stdin.close()
    process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Finished load cycle" in lines[-1], lines
    return "".join(lines)


def test_tensorboards_data_server_reads_it(written, tmp_path):
    assert "WARN" not in load_with_the_data_server(tmp_path / "logs")
    with open(written, "r+b") as file:
        file.seek(3000)
        file.write(b"X")
    assert "Read error" in load_with_the_data_server(tmp_path / "logs")


# ---- cove reads what they write ----


def read(tool, folder):
    (path,) = folder.iterdir()
    return [line.split("\t") for line in tool("read", path).splitlines()]


def test_reads_torchs_writer(tool, tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        for step in range(200):
            writer.add_scalar("old", math.sin(step), step)
            writer.add_scalar("new", math.cos(step), step, new_style=True)
            writer.add_scalar("double", step * 0.1, step, new_style=True, double_precision=True)
        writer.add_text("note", "hello", 5)
        writer.add_histogram("weights", numpy.arange(10), 6)
        writer.add_scalar("nan", float("nan"), -3)
        writer.add_image("picture", numpy.zeros((3, 4, 4)), 1)
    events = read(tool, tmp_path / "run")
    assert events[0] == ["version", "0", "brain.Event:2", ""]
    for tag, f in ("old", math.sin), ("new", math.cos):
        assert [(int(e[1]), float32(float(e[2]))) for e in events if e[3] == tag] == [(i, float32(f(i))) for i in range(200)]
        assert all(e[0] == "scalar" for e in events if e[3] == tag)
    assert [float(e[2]) for e in events if e[3] == "double"] == [pytest.approx(i * 0.1, rel=1e-8) for i in range(200)]
    assert ["text", "5", "hello", "note/text_summary"] in events
    assert ["histogram", "6", "", "weights"] in events
    assert ["scalar", "-3", "nan", "nan"] in events
    assert ["other", "1", "", "picture"] in events


def test_reads_lightnings_tensorboard_logger(tool, tmp_path):
    loggers = pytest.importorskip("lightning.pytorch.loggers")
    logger = loggers.TensorBoardLogger(tmp_path, name="x", version=0)
    logger.log_hyperparams({"lr": 0.1}, {"hp_metric": 0.5})
    logger.log_metrics({"a": 1.5, "b": 2.5}, step=3)
    logger.finalize("success")
    files = [p for p in (tmp_path / "x" / "version_0").iterdir() if "tfevents" in p.name]
    events = [line.split("\t") for p in files for line in tool("read", p).splitlines()]
    assert ["scalar", "3", "1.5", "a"] in events and ["scalar", "3", "2.5", "b"] in events
    assert any(e[3] == "_hparams_/session_start_info" for e in events)


# ---- CSV ----


def rows_of_a_run():
    """Steps with their metrics, a new metric now and then."""
    generator = random.Random(5)
    rows = []
    for step in range(60):
        row = {"train_loss": generator.random() * 10 ** generator.randint(-12, 18), "epoch": step // 20}
        if step % 3 == 1:
            row["lr-Adam"] = generator.choice([0.1, 1e-05, 1e16, 1e-300, float("nan"), float("inf"), -0.0, 3.0])
        if step % 20 == 19:
            row["val,acc"] = float32(generator.random())
        rows.append((step, row))
    return rows


def test_csv_is_lightnings_to_the_byte(tool, tmp_path):
    loggers = pytest.importorskip("lightning.pytorch.loggers")
    logger = loggers.CSVLogger(tmp_path, name="theirs", version=0, flush_logs_every_n_steps=1)
    lines = []
    for step, row in rows_of_a_run():
        logger.log_metrics(dict(row), step)
        logger.save()
        lines.append(f"{step} " + " ".join(f"{name}={value!r}" for name, value in row.items()) + "\n")
    tool("csv", tmp_path / "ours" / "metrics.csv", stdin="".join(lines))
    theirs = (tmp_path / "theirs" / "version_0" / "metrics.csv").read_bytes()
    assert (tmp_path / "ours" / "metrics.csv").read_bytes() == theirs
    read_back = tool("readcsv", tmp_path / "theirs" / "version_0" / "metrics.csv").splitlines()
    assert read_back == ["|".join(row) for row in csv.reader(theirs.decode().splitlines())]


def test_csv_numbers_are_pythons(tool, tmp_path):
    generator = random.Random(7)
    values = [struct.unpack("d", struct.pack("Q", generator.getrandbits(64)))[0] for _ in range(3000)]
    values += [2.0**e for e in range(-1074, 1024)] + [float(10**k) for k in range(20)] + [generator.random() for _ in range(1000)]
    values = [v for v in values if not math.isnan(v)]
    tool("csv", tmp_path / "metrics.csv", stdin="".join(f"{i} x={v!r}\n" for i, v in enumerate(values)))
    with open(tmp_path / "metrics.csv", newline="") as file:
        assert [row["x"] for row in csv.DictReader(file)] == [repr(v) for v in values]


def test_lightnings_csv_logger_continues_a_file_of_cove(tool, tmp_path):
    """Lightning's own rewriting reads our rows."""
    loggers = pytest.importorskip("lightning.fabric.loggers.csv_logs")
    writer = loggers._ExperimentWriter(str(tmp_path))
    tool("csv", tmp_path / "metrics.csv", stdin="0 a=1.5 epoch=0\n1 a=2.5 epoch=0\n")
    writer.metrics_keys = ["a", "epoch", "step"]
    writer.log_metrics({"b": 0.25}, step=2)
    writer.save()
    assert (tmp_path / "metrics.csv").read_bytes() == b"a,b,epoch,step\r\n1.5,,0,0\r\n2.5,,0,1\r\n,0.25,,2\r\n"

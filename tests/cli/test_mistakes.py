"""Command lines and endpoints that are nearly right: the message has the right form."""

import os
import resource

import pytest

from test_cli import cove  # noqa: F401


@pytest.mark.parametrize("args, message", [
    (["lst"], 'there is no verb "lst"; did you mean `cove ls`?'),
    (["sl", "x"], 'there is no verb "sl"; did you mean `cove ls`?'),
    (["mkdri", "x"], 'there is no verb "mkdri"; did you mean `cove mkdir`?'),
    (["sync", "a", "b"], 'there is no verb "sync"; did you mean `cove cp`?'),
    (["head", "x"], 'there is no verb "head"; did you mean `cove cat PATH | head`?'),
    (["help", "lss"], 'there is no verb "lss"; did you mean `cove ls`?'),
    (["xyzzy"], 'there is no verb "xyzzy"; `cove --help` lists them'),
    (["--json", "ls"], "options come after the verb: cove ls --json …"),
    (["-o", "anon=1", "ls", "x"], "options come after the verb: cove ls -o …"),
    (["--bogus"], "unknown option --bogus; `cove --help` lists the verbs, and options come after the verb"),
])  # fmt: skip
def test_a_wrong_verb(cove, args, message):
    assert cove.error(*args, rc=2) == f"cove: {message}\n"


@pytest.mark.parametrize("args, message", [
    (["ls", "-lh"], "-h is --help; for sizes such as 1.5 MiB write --human"),
    (["find", "-name", "*.ckpt", "."], "-name: long options have two dashes: --name"),
    (["ls", "-json"], "-json: long options have two dashes: --json"),
    (["find", "--nmae", "x", "."], "unknown option --nmae; did you mean --name?"),
    (["ls", "--jsn=1"], "unknown option --jsn; did you mean --json?"),
    (["ls", "--json=1"], "--json takes no value"),
    (["ls", "--timeout"], "--timeout takes a value"),
    (["ls", "-T", "1"], "unknown option -T"),
    (["du", "-sh", "."], "unknown option -s; du gives the sum alone in any case; for sizes as 1.5 MiB write --human"),
    (["cp", "-R", "a", "b"], "unknown option -R; did you mean -r?"),
    (["rm", "-R", "a"], "unknown option -R; did you mean -r?"),
    (["ls", "--endpoint-url", "http://h"], "unknown option --endpoint-url; options of a store are given as -o endpoint_url=VALUE"),
    (["ls", "--profile=dev"], "unknown option --profile; options of a store are given as -o profile=dev"),
    (["ls", "--quite-something-else"], "unknown option --quite-something-else"),
])  # fmt: skip
def test_a_wrong_option(cove, args, message):
    assert cove.error(*args, rc=2) == f"cove: {message}\n`cove {args[0]} --help` has more.\n"


@pytest.mark.parametrize("url, name, said", [
    ("gs://b", "region", 'gs:// takes no option "region"; did you mean "default_location"?'),
    ("gcs://b", "anon", 'gcs:// takes no option "anon"; did you mean "token=anon"?'),
    ("gs://b", "credentials", 'did you mean "token"?'),
    ("gs://b", "key", 'did you mean "token"?'),
    ("gs://b", "project_id", 'did you mean "project"?'),
    ("gs://b", "username", "`cove fs gs` lists what it takes"),
    ("gs://b", "profile", "`cove fs gs` lists what it takes"),
    ("az://b", "key", 'az:// takes no option "key"; did you mean "account_key"?'),
    ("az://b", "region", "`cove fs az` lists what it takes"),
    ("abfs://b", "region", 'abfs:// takes no option "region"; `cove fs abfs` lists what it takes'),
    ("s3a://b", "location", 's3a:// takes no option "location"; did you mean "region"?'),
    ("s3://b", "enpoint_url", 'did you mean "endpoint_url"?'),
    ("s3://b", "credentials", "`cove fs s3` lists what it takes"),
])  # fmt: skip
def test_an_option_of_another_store(cove, url, name, said):
    assert said in cove.error("ls", "-o", f"{name}=x", url, rc=2)


@pytest.mark.parametrize("args", [["ls", "s3//bkt/x"], ["cp", "-r", "gs//bkt/x", "."], ["cp", __file__, "S3//bkt/x"]])
def test_a_scheme_without_its_colon(cove, args):
    """It would be a path of the local disk."""
    given = next(arg for arg in args if "//" in arg)
    scheme, _, rest = given.partition("//")
    assert cove.error(*args, rc=2).startswith(f"cove: {given}: the colon is missing: {scheme.lower()}://{rest}")
    assert list(cove.cwd.iterdir()) == []


def test_a_directory_with_the_name_of_a_scheme(cove):
    (cove.cwd / "s3" / "bkt").mkdir(parents=True)
    (cove.cwd / "s3" / "bkt" / "x").write_text("1")
    assert cove("ls", "s3//bkt") == "x\n"


@pytest.mark.parametrize("verb", [["ls"], ["cat"], ["rm"], ["du"], ["cp", "-r"]])
def test_a_pattern_in_a_missing_bucket(cove, minio, verb):
    cove.environ.update(minio.environ)
    more = ["."] if verb[0] == "cp" else []
    message = cove.error(*verb, "s3://no-such-bucket/*.ckpt", *more, rc=3)
    assert "no such bucket: no-such-bucket (NoSuchBucket)" in message and "cove mkdir" not in message, message
    assert "nothing matches" in cove.error(*verb, "s3://cove/none/*.ckpt", *more, rc=3)


def test_what_follows_two_dashes_is_no_option(cove):
    (cove.cwd / "-name").mkdir()
    assert cove("ls", "-d", "--", "-name") == "-name/\n"


@pytest.mark.parametrize("endpoint", ["https://{}", "{}"], ids=["https", "no scheme"])
def test_a_server_without_tls(cove, minio, endpoint):
    cove.environ.update(minio.environ, AWS_ENDPOINT_URL=endpoint.format(minio.endpoint.removeprefix("http://")))
    message = cove.error("ls", "s3://cove", rc=5)
    assert message.startswith("cove: list s3://cove: the server does not speak TLS; try http:// in the endpoint: "), message
    assert "attempts" not in message


@pytest.mark.parametrize("verb", ["ls", "stat"])  # GET and HEAD
def test_a_server_with_tls(cove, secure, verb):
    cove.environ.update(secure.environ, AWS_ENDPOINT_URL=secure.endpoint.replace("https:", "http:"))
    assert "the server speaks TLS: try https:// in the endpoint (HTTP 400)" in cove.error(verb, "s3://cove/" if verb == "ls" else "s3://cove/x", rc=2)


@pytest.mark.parametrize("args", [["ls"], ["ls", "-R"], ["ls", "-l", "-R"], ["find"], ["du"], ["stat"], ["rm", "-r", "--force"], ["cp", "-r"], ["cat"]])
def test_a_missing_bucket(cove, minio, args):
    """It is no empty one."""
    cove.environ.update(minio.environ)
    message = cove.error(*args, "s3://mistyped" if args != ["cat"] else "s3://mistyped/x", *(["to"] if args[0] == "cp" else []), rc=3)
    assert "no such bucket: mistyped" in message and message.count("cove: ") == 1, message


def test_no_descriptors_are_left(cove, minio):
    """The message names descriptors, not memory."""
    cove.environ.update(minio.environ)
    message = cove.error("ls", "s3://cove", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5)))
    assert message == "cove: list s3://cove: start an I/O thread: Too many open files\n"


@pytest.mark.parametrize("verb", [["cp"], ["cp", "-r"], ["mv"]], ids=" ".join)
def test_a_missing_directory_is_named(cove, minio, verb):
    """A directory that cannot be made, and one that must exist. No directory can be made in /proc."""
    cove.environ.update(minio.environ)
    refused = 3 if os.geteuid() == 0 else 1  # ENOENT, EACCES
    (cove.cwd / "d").mkdir()
    (cove.cwd / "d" / "x").write_text("x")
    cove("cp", "-r", "d", "s3://cove/missing-directory")
    for source in "d", "s3://cove/missing-directory":
        source += "" if "-r" in verb else "/x"
        for target in "/proc/none/deep/", "/proc/none/deep/y":
            assert "the directory /proc/none does not exist and cannot be made: " in cove.error(*verb, source, target, rc=refused), (source, target)
        if "-r" not in verb:
            message = cove.error(*verb, "-o", "auto_mkdir=false", source, "none/y", rc=3)
            assert f"the directory {cove.cwd}/none must be made first (cove mkdir, or the option auto_mkdir)" in message, source
    assert cove("cat", "d/x") == cove("cat", "s3://cove/missing-directory/x") == "x"

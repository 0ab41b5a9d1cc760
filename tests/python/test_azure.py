"""AzureBlobFileSystem: adlfs's options, methods and details. What all filesystems share has tests elsewhere, on S3."""

import asyncio
import os
import pickle
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import fsspec
import pytest

import cove
from cove import AzureBlobFileSystem, InvalidArgument
from servers.azure import Azurite

KEY = Azurite.KEY
PUBLIC = {"account_name": "acct", "anon": True}


@pytest.fixture
def nothing(monkeypatch):
    """An environment that names no account."""
    for name in list(os.environ):
        if name.startswith("AZURE_STORAGE_"):
            monkeypatch.delenv(name)
    cove.register()
    AzureBlobFileSystem.clear_instance_cache()


# ---- options ----


def test_attributes(nothing):
    fs = AzureBlobFileSystem(
        account_name="Acct", account_key=KEY, blocksize=32 << 20, max_concurrency=4, location_mode="secondary", assume_container_exists=True
    )  # fmt: skip
    assert (fs.account_name, fs.account_key, fs.blocksize, fs.max_concurrency, fs.location_mode) == ("acct", KEY, 32 << 20, 4, "secondary")
    assert fs.assume_container_exists and fs.account_url == "https://acct-secondary.blob.core.windows.net"
    fs = AzureBlobFileSystem(connection_string=f"AccountName=other;AccountKey={KEY}")
    assert (fs.account_name, fs.account_key, fs.blocksize, fs.max_concurrency, fs.anon) == ("other", None, 8 << 20, 16, False)
    assert repr(fs) == "<AzureBlobFileSystem https://other.blob.core.windows.net>" and KEY not in repr(fs)
    fs = AzureBlobFileSystem(connection_string="UseDevelopmentStorage=true")
    assert (fs.account_name, fs.account_url) == ("devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1")


def test_the_options_that_the_library_gets(nothing):
    fs = AzureBlobFileSystem(
        **PUBLIC, blocksize=1, max_concurrency=500, timeout=30, connection_timeout=3, read_timeout=7.5, socket_timeout=1, default_fill_cache=False,
        default_cache_type="none", use_listings_cache=True, cache_control="no-cache",
    )  # fmt: skip
    assert fs._given == {
        "account_name": "acct", "anon": "true", "connection_string": "", "location_mode": "primary", "default_block_size": str(1 << 20), "timeout": "30",
        "connect_timeout": "3", "read_timeout": "7.5", "max_concurrency": "64", "cache_control": "no-cache", "version_aware": "false",
    }  # fmt: skip


@pytest.mark.parametrize("credential, options", [
    (KEY, {"account_key": KEY}),
    ("?sv=1&sig=abc", {"sas_token": "?sv=1&sig=abc"}),
    ({"account_name": "acct", "account_key": KEY}, {"account_key": KEY}),
    (SimpleNamespace(named_key=SimpleNamespace(name="acct", key=KEY)), {"account_key": KEY}),
    (SimpleNamespace(signature="sv=1&sig=abc"), {"sas_token": "sv=1&sig=abc"}),
], ids=["key", "sas", "dict", "named key", "sas object"])  # fmt: skip
def test_credentials(nothing, credential, options):
    fs = AzureBlobFileSystem(account_name="acct", credential=credential)
    assert {name: fs._given.get(name) for name in ("account_name", "account_key", "sas_token", "credential")} == {
        "account_name": "acct", "account_key": None, "sas_token": None, "credential": None, **options,
    }  # fmt: skip


@pytest.mark.parametrize("options, error, said", [
    ({}, ValueError, "no storage account is named"),
    ({"account_name": "acct", "credential": object()}, TypeError, "of azure-identity's credentials, give what they are made from"),
    ({**PUBLIC, "request_session": object()}, TypeError, "request_session is not supported"),
    ({**PUBLIC, "location_mode": "nearest"}, ValueError, "location_mode"),
    ({**PUBLIC, "acount_key": KEY}, ValueError, "account_key"),
    ({"account_name": "acct", "account_key": "c2VjcmV0"[:-1]}, ValueError, "not base64"),
    ({"account_name": "acct", "client_id": "a", "managed_identity_client_id": "b"}, ValueError, "are the same option here, and differ"),
    ({"account_name": "acct", "exclude_cli_credential": True}, TypeError, "exclude_cli_credential is not supported; set credential"),
    ({"account_name": "acct", "additionally_allowed_tenants": ["*"]}, TypeError, "give the account's tenant as tenant_id"),
    ({"account_name": "one", "connection_string": f"AccountName=two;AccountKey={KEY}"}, ValueError, "another storage account than connection_string"),
])  # fmt: skip
def test_options_that_are_refused(nothing, options, error, said):
    with pytest.raises(error, match=said):
        AzureBlobFileSystem(**options)


def test_arguments_of_default_azure_credential(nothing):
    fs = AzureBlobFileSystem(
        account_name="acct", managed_identity_client_id="id-1", workload_identity_client_id="id-1", authority="login.microsoftonline.us",
        exclude_cli_credential=False,
    )  # fmt: skip
    assert (fs._given["client_id"], fs._given["authority_host"]) == ("id-1", "https://login.microsoftonline.us")
    assert fs.client_id == "id-1" and "managed_identity_client_id" not in fs._given
    assert AzureBlobFileSystem(account_name="acct")._given.get("client_id") is None


def test_the_environment_is_of_another_account(nothing, monkeypatch):
    """Nothing goes to its account by mistake; credentials that are given come first."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"AccountName=other;AccountKey={KEY}")
    assert AzureBlobFileSystem().account_name == "other"
    with pytest.raises(ValueError, match="of the storage account acct, and the credentials of the options or the environment are of other"):
        fsspec.open("abfs://c@acct.dfs.core.windows.net/x")
    for own in ({"account_key": KEY}, {"sas_token": "sv=1&sig=x"}, {"anon": True}):
        assert AzureBlobFileSystem(account_name="acct", **own).account_url == "https://acct.blob.core.windows.net"


# ---- URLs and paths ----


def test_every_scheme(azure):
    for scheme in ("az", "abfs", "abfss", "adl", "AZ", "ABFS", "ABFSS", "ADL"):
        fs, path = fsspec.core.url_to_fs(f"{scheme}://cove/x")
        assert (type(fs), path) == (AzureBlobFileSystem, "cove/x")
    assert fsspec.filesystem("az") is fsspec.filesystem("abfss")
    assert fs.unstrip_protocol("cove/x") == "abfs://cove/x" and fs.unstrip_protocol("AZ://cove/x") == "az://cove/x"


@pytest.mark.parametrize("of", [lambda: AzureBlobFileSystem, lambda: AzureBlobFileSystem(**PUBLIC)], ids=["class", "filesystem"])
def test_forms_of_urls(nothing, of):
    strip = of()._strip_protocol
    for url in (
        "az://c/a/b", "abfs://c/a/b/", "c/a/b", "/c/a/b", "abfs://c@acct.dfs.core.windows.net/a/b", "ABFSS://c@Acct.dfs.core.windows.net/a/b",
        "az://c@acct.blob.core.windows.net/a/b", "abfs://acct.dfs.core.windows.net/c/a/b", "adl://c/a/b", "abfs://c@acct/a/b",
    ):  # fmt: skip
        assert strip(url) == "c/a/b"
    assert strip(["az://c", "az://", "abfs://c@acct.dfs.core.windows.net", "abfs://acct.dfs.core.windows.net"]) == ["c", "", "c", ""]
    assert strip("az://c/a@b?x#y") == "c/a@b?x#y"


def test_a_url_of_another_account_is_refused(nothing):
    fs = AzureBlobFileSystem(**PUBLIC)
    for url in ("abfs://c@other.dfs.core.windows.net/x", "az://other.blob.core.windows.net/c/x", "abfs://c@acct.dfs.core.chinacloudapi.cn/x"):
        for call in (fs._strip_protocol, fs.cat, fs.exists, lambda url: fs._strip_protocol([url]), lambda url: fs.pipe_file(url, b"")):
            with pytest.raises(InvalidArgument, match="this filesystem is of the store"):
                call(url)


def test_the_account_of_a_url(nothing):
    fs, path = fsspec.core.url_to_fs("abfs://c@Acct.dfs.core.windows.net/a/b", anon=True)
    assert (fs.account_name, fs.account_url, path) == ("acct", "https://acct.blob.core.windows.net", "c/a/b")
    for name in ("c", "c/a/b"):
        url = fs.unstrip_protocol(name)
        assert url.startswith("abfs://c@acct.dfs.core.windows.net") and fs._strip_protocol(url) == name
    fs, path = fsspec.core.url_to_fs("abfss://c@acct.dfs.core.usgovcloudapi.net/a", anon=True)
    assert (fs.account_url, path) == ("https://acct.blob.core.usgovcloudapi.net", "c/a")
    assert fs.unstrip_protocol("c/a") == "abfs://c@acct.dfs.core.usgovcloudapi.net/a" and fs._strip_protocol(fs.unstrip_protocol("c/a")) == "c/a"
    assert AzureBlobFileSystem._get_kwargs_from_urls("az://c/x?versionid=2026-01-01T00:00:00.0000000Z") == {"version_aware": True}
    assert AzureBlobFileSystem._get_kwargs_from_urls("az://c/x") == {} == AzureBlobFileSystem._get_kwargs_from_urls("c/x")
    assert fs.unstrip_protocol("") == "abfs://@acct.dfs.core.usgovcloudapi.net" and fs._strip_protocol(fs.unstrip_protocol("")) == ""


# The account of the environment, and credentials that belong to it.
ENVIRONMENT = {"AZURE_STORAGE_ACCOUNT_NAME": "acct", "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=a-signature"}


@pytest.mark.parametrize("environ", [{}, ENVIRONMENT], ids=["login", "sas"])
def test_a_url_does_not_choose_the_host(nothing, monkeypatch, environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for url in ("abfs://ccc@acct.dfs.evil.example/x", "abfs://acct.dfs.evil.example/ccc/x", "az://ccc@acct.blob.core.windows.net.evil.example/x"):
        with pytest.raises(InvalidArgument, match="the URL is of the storage account acct"):
            fsspec.core.url_to_fs(url)
    for host in "acct.privatelink.dfs.core.windows.net", "acct.z12.dfs.storage.azure.net", "other-secondary.blob.core.windows.net", "other.example.com":
        with pytest.raises(InvalidArgument, match="not the host of a storage account"):
            fsspec.open(f"abfss://ccc@{host}/x", "wb").open()
    url = "abfs://ccc@acct.dfs.corp.example/x"
    fs, path = fsspec.core.url_to_fs(url, account_host="acct.blob.corp.example")  # which an option names
    assert (fs.account_url, path) == ("https://acct.blob.corp.example", "ccc/x") and fs.unstrip_protocol(path) == url


def test_a_url_does_not_say_whose_the_credentials_of_the_environment_are(nothing, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgument, match="the credentials of the environment are of acct"):
        fsspec.core.url_to_fs("abfs://ccc@other.dfs.core.windows.net/x")
    fs, _ = fsspec.core.url_to_fs("abfs://ccc@acct.dfs.core.windows.net/x")
    assert fs.account_name == "acct"


def test_gen1_is_named():
    with pytest.raises(ValueError, match="Gen1 is retired; the URL of its successor, Gen2, is abfs://CONTAINER@acct.dfs.core.windows.net/"):
        fsspec.open("adl://acct.azuredatalakestore.net/x")


def test_split_path(nothing):
    fs, aware = AzureBlobFileSystem(**PUBLIC), AzureBlobFileSystem(**PUBLIC, version_aware=True)
    assert fs.split_path("az://c") == fs.split_path("c/") == ("c", "", None)
    assert fs.split_path("az://c/a/b?versionid=2026") == ("c", "a/b?versionid=2026", None)
    assert aware.split_path("abfs://c@acct.dfs.core.windows.net/a/b?versionid=2026") == ("c", "a/b", "2026")


# ---- details ----


def is_now(time):
    return abs(datetime.now(timezone.utc) - time) < timedelta(hours=1)


def test_info(az, root):
    path = f"{root}/x.json"
    az.pipe_file(path, b"{}", content_settings={"content_type": "application/json"}, metadata={"a": "b"})
    known = az.info(f"az://{path}")
    assert is_now(known.pop("last_modified")) and is_now(known.pop("creation_time")) and known.pop("etag").startswith('"')
    settings = known["content_settings"]
    assert settings.content_type == "application/json" and settings.content_encoding is None and pickle.loads(pickle.dumps(settings)) == settings
    with pytest.raises(AttributeError):
        settings.other
    assert known == {
        "name": path, "size": 2, "type": "file", "metadata": {"a": "b"}, "blob_tier": "Hot", "blob_type": "BlockBlob",
        "content_settings": {
            "content_type": "application/json", "content_encoding": None, "content_language": None, "content_md5": "mZFLkyvTelC5g8XnyQrpOw==",
            "content_disposition": None, "cache_control": None,
        },
    }  # fmt: skip
    assert asyncio.run(az._info(path)) == az.info(path)
    assert az.ls(path, detail=True) == [az.info(path)] == asyncio.run(az._ls(path, detail=True))
    (entry,) = az.ls(root, detail=True)
    assert entry == {name: az.info(path)[name] for name in entry} and {"name", "size", "type", "etag", "last_modified"} <= set(entry)
    directory = {"name": root, "size": 0, "type": "directory"}
    assert az.info(root) == directory and directory in az.ls("cove/python", detail=True)
    assert az.info("cove") == {"name": "cove", "size": 0, "type": "directory"} and "cove" in az.ls("")
    assert is_now(az.created(path)) and is_now(az.modified(path))
    with az.open(path) as f:
        assert f.info()["metadata"] == {"a": "b"}


def test_listings(az, root):
    names = [f"{root}/{name}" for name in ("a", "b/c", "b/d/e", "bb")]
    az.pipe({name: b"12" for name in names})
    assert az.find(root) == names and az.find(root, prefix="b") == names[1:]
    assert az.ls(root, invalidate_cache=True, delimiter="/") == [f"{root}/{name}" for name in ("a", "b", "bb")] == asyncio.run(az._ls(root))
    assert az.glob(f"{root}/**/[ce]") == names[1:3] and az.du(root) == 8
    assert az.isdir(f"{root}/b") and az.isfile(names[0]) and not az.exists(f"{root}/c")
    assert set(names[1:3]) <= set(az.rm(f"{root}/b", recursive=True)) and az.find(root) == [names[0], names[3]]


# ---- reading and writing ----


def test_bytes(az, root):
    path = f"{root}/x"
    made = az.pipe_file(path, b"0123456789", overwrite=False)
    assert made["etag"] == az.info(path)["etag"]
    for again in ({"overwrite": False}, {"mode": "create"}):
        with pytest.raises(FileExistsError):
            az.pipe_file(path, b"other", **again)
    with pytest.raises(FileExistsError):
        asyncio.run(az._pipe_file(path, b"other", overwrite=False))
    assert (az.cat_file(path, 2, 5), az.cat_file(path, -3), az.cat(path), az.head(path, 2), az.tail(path, 2)) == (b"234", b"789", b"0123456789", b"01", b"89")
    with pytest.raises(FileExistsError):
        az.open(path, "xb")
    with az.open(path, "r+b") as f:
        f.seek(9)
        f.write(b"!")
    az.cp_file(path, f"{root}/z")
    az.mv(f"{root}/z", f"{root}/moved")
    assert az.cat(f"{root}/moved") == b"012345678!" and not az.exists(f"{root}/z")


def test_folders_of_the_local_disk(az, root, tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f.txt").write_bytes(b"hello")
    az.upload(str(tmp_path / "d"), root, recursive=True)
    assert az.info(f"{root}/e/f.txt")["content_settings"]["content_type"] == "text/plain"
    with pytest.raises(FileExistsError):
        az.put_file(str(tmp_path / "d" / "e" / "f.txt"), f"{root}/e/f.txt", overwrite=False)
    az.download(root, str(tmp_path / "back"), recursive=True)
    assert (tmp_path / "back" / "e" / "f.txt").read_bytes() == b"hello"


@pytest.mark.parametrize("first", ["wb", "ab", "append blob"])
def test_appends_to_blobs_whoever_made_them(azure, az, root, first):
    """adlfs raises InvalidBlobType where a file was made by "wb"."""
    path = f"{root}/log"
    if first == "append blob":
        azure.ask("PUT", f"/{path}", {}, {"x-ms-blob-type": "AppendBlob"})
    else:
        with az.open(path, first) as f:
            f.write(b"zero ")
    for part in (b"one ", b"two ", b"three"):
        with az.open(path, "ab") as f:
            f.write(part)
    assert az.cat(path) == (b"" if first == "append blob" else b"zero ") + b"one two three"
    assert AzureBlobFileSystem(retries=9).cat(path) == az.cat(path) and az.find(root) == [path]


def test_an_exception_publishes_nothing(az, root):
    az.pipe_file(f"{root}/x", b"good")
    with pytest.raises(ZeroDivisionError), az.open(f"{root}/x", "wb") as f:
        f.write(b"half")
        raise ZeroDivisionError
    assert az.cat(f"{root}/x") == b"good"


# ---- metadata and URLs ----


def test_metadata(az, root):
    path = f"{root}/x"
    az.pipe_file(path, b"1", metadata={"a": "1", "b": "2"})
    assert az.metadata(path) == {"a": "1", "b": "2"} and az.getxattr(path, "a") == "1"
    with pytest.raises(KeyError):
        az.getxattr(path, "c")
    az.setxattrs(path, b="3")  # as adlfs does, all of it
    assert az.metadata(path) == {"b": "3"}
    asyncio.run(az._setxattrs(path, d="4"))
    assert az.info(path)["metadata"] == {"d": "4"}
    with az.open(path) as f:
        f.setxattr(a="5")  # fsspec's call keeps the others
    assert az.metadata(path) == {"a": "5", "d": "4"} and az.cat(path) == b"1"


def fetch(url):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as response:
        return response.read()


def test_signed_urls(az, root):
    path = f"{root}/a b+ü"
    az.pipe_file(path, b"signed")
    assert fetch(az.url(path)) == fetch(az.sign(path, expiration=60)) == b"signed" == fetch(asyncio.run(az._url(path, 60)))
    with pytest.raises(urllib.error.HTTPError):
        fetch(az.url(path).partition("&sig=")[0])
    with pytest.raises(TypeError, match="the URL gives the blob as it is stored"):
        az.url(path, content_disposition="attachment")
    with pytest.raises(OSError, match="only the key of the account, or a login, signs URLs"):
        AzureBlobFileSystem(**PUBLIC).url(path)


# ---- arguments of calls ----


def test_arguments_that_are_hints_or_ask_for_nothing(az, root):
    path = f"{root}/x"
    az.pipe_file(path, b"1", max_concurrency=4, overwrite=True, content_settings=None)
    with az.open(path, "wb", block_size=1 << 18, cache_type="bytes", content_settings=SimpleNamespace(content_type="text/css", cache_control=None)) as f:
        f.write(b"2")
    assert az.cat_file(path, max_concurrency=4) == b"2" and az.info(path, refresh=True, version_id=None)["size"] == 1
    assert az.info(path)["content_settings"].content_type == "text/css"
    AzureBlobFileSystem(cache_control="no-store").pipe_file(path, b"3", content_settings={"cache_control": "no-store"})
    assert az.info(path)["content_settings"].cache_control == "no-store"


@pytest.mark.parametrize("arguments, said", [
    ({"content_settings": {"content_encoding": "gzip"}}, "content_encoding"),
    ({"content_settings": {"cache_control": "no-cache"}}, "cache_control"),
    ({"standard_blob_tier": "Cool"}, "standard_blob_tier"),
])  # fmt: skip
def test_arguments_that_are_refused(az, root, arguments, said):
    for call in (lambda: az.pipe_file(f"{root}/x", b"", **arguments), lambda: az.open(f"{root}/x", "wb", **arguments)):
        with pytest.raises(TypeError, match=said):
            call()
    assert not az.exists(root)
    with pytest.raises(ValueError, match="version_aware=True"):
        az.cat_file(f"{root}/x", version_id="2026")


# ---- containers ----


@pytest.fixture
def container(az):
    name = f"cove-{uuid.uuid4().hex}"
    yield name
    if az.exists(name):
        az.rm(name, recursive=True)
        az.rmdir(name)


def test_making_and_removing_a_container(az, container):
    az.mkdir(container)
    assert az.isdir(f"az://{container}") and container in az.ls("")
    az.mkdir(container)  # as in adlfs
    for call in (lambda: az.mkdir(container, exist_ok=False), lambda: az.makedir(container)):
        with pytest.raises(FileExistsError):
            call()
    az.makedir(container, exist_ok=True)
    az.makedirs(f"{container}/a/b")
    assert az.isdir(f"{container}/a/b")
    az.pipe_file(f"{container}/x", b"")
    with pytest.raises(OSError, match="not empty|has files"):
        az.rmdir(container)
    az.rm(container, recursive=True)
    az.rmdir(container)
    assert not az.exists(container)


def test_a_mistyped_container_is_not_made(az, container):
    for call in (
        lambda: az.makedirs(f"{container}/d"),
        lambda: az.mkdir(f"{container}/d"),
        lambda: az.makedirs(container, exist_ok=True),
        lambda: az.find(f"{container}/d"),
        lambda: az.pipe(f"{container}/x", b""),
    ):
        with pytest.raises(FileNotFoundError, match=f"no such container: {container}|{container}: .*no such container"):
            call()
    assert not az.exists(container)
    AzureBlobFileSystem(create_buckets=True).makedirs(f"{container}/d")
    assert az.exists(container)


def test_containers_that_are_assumed(nothing):
    """No request is sent: there is no server."""
    fs = AzureBlobFileSystem(connection_string=f"AccountName=a;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:1/a", retries=0, assume_container_exists=True)
    fs.makedirs("container", exist_ok=True)
    fs._check_bucket("container/x")
    with pytest.raises(OSError):
        AzureBlobFileSystem(connection_string=fs.connection_string, retries=0).makedirs("container", exist_ok=True)


# ---- processes ----


def test_a_pickled_filesystem_and_file(az, root):
    az.pipe_file(f"{root}/x", b"0123")
    again = pickle.loads(pickle.dumps(az))
    assert again is az and again.cat(f"{root}/x") == b"0123"
    with az.open(f"{root}/x") as f:
        f.seek(2)
        with pickle.loads(pickle.dumps(f)) as g:
            assert g.read() == b"23"


def test_a_forked_child(azure, root, python):
    code = """
        import os, sys
        from cove import AzureBlobFileSystem
        fs, root = AzureBlobFileSystem(), sys.argv[1]
        fs.pipe_file(root + "/parent", b"p")
        pid = os.fork()
        if pid == 0:
            fs.pipe_file(root + "/child", fs.cat(root + "/parent") + b"c")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        print(fs.cat(root + "/child").decode())
    """
    assert python(code, root, environ=azure.environ) == "pc\n"

"""A program of a user of the package, in which the type checkers find no error in their strict modes."""

import cove
from cove import FILESYSTEMS, CorruptData, CoveFileSystem, InvalidArgument, PreconditionFailed, S3FileSystem


def newest(fs: CoveFileSystem, folder: str) -> str | None:
    files = [entry for entry in fs.ls(folder, detail=True) if entry["type"] == "file"]
    files.sort(key=lambda entry: fs.modified(entry["name"]))
    return files[-1]["name"] if files else None


def replace(fs: S3FileSystem, path: str, data: bytes) -> bool:
    try:
        fs.pipe_file(path, data, mode="create")
    except FileExistsError:
        return False
    except PreconditionFailed as error:
        print(error.code, error.http_status, error.store_code, error.retryable, error.errno)
        return False
    except (InvalidArgument, CorruptData) as error:
        print(error.code, error)
        raise
    return True


def main() -> None:
    cove.register()
    cove.set_log(2)
    print(cove.__version__, FILESYSTEMS["s3"], [option["name"] for option in cove.option_help("s3")])
    for scheme, backend, description, available in cove.known_implementations():
        print(scheme.upper(), backend, description, not available)
    fs = S3FileSystem(endpoint_url="http://127.0.0.1:9000", key="key", secret="secret", append_interval=0.5)
    root = "bucket/run"
    if fs.exists(root) and fs.isdir(root) and not fs.isfile(root):
        print(fs.info(root)["size"], fs.size(root) + 1, newest(fs, root), fs.find(root), fs.glob(f"{root}/*.ckpt"))
    with fs.open(f"{root}/log.txt", "w") as file:
        file.write("text")
    with cove.S3FileSystem(anon=True).open(f"{root}/data.bin", "rb") as file:
        print(file.read(4))
    data: bytes = fs.cat_file(f"{root}/data.bin", 0, 10)
    url: str = fs.sign(f"{root}/data.bin", expiration=60)
    print(data.hex(), url.upper(), fs.split_path(root)[0].upper(), replace(fs, f"{root}/new", data), fs)
    fs.rm(root, recursive=True)

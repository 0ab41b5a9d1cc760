"""An example of each program that reads and writes through fsspec, as in its manual. test_others.py runs it, in the Python environment that
has the programs:

    others.py NAME URL
"""

import os
import pickle
import sys
from pathlib import Path

import fsspec
from fsspec.core import url_to_fs

import cove


def pandas_csv(root):
    import pandas

    frame = pandas.DataFrame({"step": range(1000), "loss": [1 / (n + 1) for n in range(1000)], "name": ["größe"] * 1000})
    frame.to_csv(root + "/a.csv", index=False)
    assert pandas.read_csv(root + "/a.csv").equals(frame)
    frame.to_csv(root + "/a.csv.gz", index=False)
    assert pandas.read_csv(root + "/a.csv.gz").equals(frame)
    frame[:10].to_json(root + "/a.jsonl", orient="records", lines=True)
    assert len(pandas.read_json(root + "/a.jsonl", lines=True)) == 10


def pandas_parquet(root):
    import pandas

    fs = fsspec.filesystem("s3")  # without it pandas asks pyarrow's own S3 for parquet, and fsspec only where that fails
    frame = pandas.DataFrame({"step": range(1000), "loss": [1 / (n + 1) for n in range(1000)]})
    frame.to_parquet(root + "/a.parquet", filesystem=fs)
    assert pandas.read_parquet(root + "/a.parquet", filesystem=fs).equals(frame)
    assert list(pandas.read_parquet(root + "/a.parquet", columns=["loss"], storage_options={})) == ["loss"]  # the same, in another form


def pyarrow_parquet(root):
    import pyarrow
    import pyarrow.dataset
    import pyarrow.parquet

    fs, path = url_to_fs(root)
    table = pyarrow.table({"x": list(range(10_000)), "part": ["ab"[n % 2] for n in range(10_000)]})
    pyarrow.parquet.write_table(table, path + "/a.parquet", filesystem=fs, row_group_size=1000)
    assert pyarrow.parquet.read_table(path + "/a.parquet", filesystem=fs).equals(table)
    with fs.open(path + "/a.parquet") as file:
        groups = pyarrow.parquet.ParquetFile(file)
        assert groups.num_row_groups == 10 and groups.read_row_group(3)["x"][0].as_py() == 3000

    pyarrow.dataset.write_dataset(table, path + "/parts", format="parquet", partitioning=["part"], filesystem=fs)
    dataset = pyarrow.dataset.dataset(path + "/parts", partitioning=["part"], filesystem=fs)
    assert dataset.count_rows(filter=pyarrow.dataset.field("part") == "a") == 5000
    pyarrow.dataset.write_dataset(table[:10], path + "/parts", format="parquet", partitioning=["part"], filesystem=fs, existing_data_behavior="delete_matching")
    assert dataset.replace_schema(dataset.schema) and pyarrow.dataset.dataset(path + "/parts", filesystem=fs).count_rows() == 10
    # Several files: pyarrow closes the earlier ones on its own threads.
    pyarrow.dataset.write_dataset(table, path + "/many", format="parquet", filesystem=fs, max_rows_per_file=1000, max_rows_per_group=1000)
    assert len(fs.ls(path + "/many")) == 10 and pyarrow.dataset.dataset(path + "/many", filesystem=fs).count_rows() == 10_000


class Fails:
    def __str__(self):
        raise ZeroDivisionError

    __repr__ = __reduce__ = __str__


def keeps_the_old_file(path, write):
    """`write` fails halfway and closes the file: the old file must stay."""
    fs, path = url_to_fs(path)
    fs.pipe_file(path, b"the old one")
    try:
        write()
    except (ZeroDivisionError, TypeError, ValueError):
        pass
    else:
        raise AssertionError("it did not fail")
    assert fs.cat_file(path) == b"the old one", fs.cat_file(path)[:100]


def pandas_that_fails(root):
    import pandas

    fails = pandas.DataFrame({"a": [1, 2, Fails()]})
    keeps_the_old_file(root + "/a.csv", lambda: fails.to_csv(root + "/a.csv"))
    keeps_the_old_file(root + "/a.csv.gz", lambda: fails.to_csv(root + "/a.csv.gz"))
    keeps_the_old_file(root + "/a.zip", lambda: fails.to_csv(root + "/a.zip"))
    keeps_the_old_file(root + "/a.pkl", lambda: fails.to_pickle(root + "/a.pkl"))
    keeps_the_old_file(root + "/a.pkl.xz", lambda: fails.to_pickle(root + "/a.pkl.xz"))
    keeps_the_old_file(root + "/a.dta", lambda: pandas.DataFrame({"a": ["x" * 3000, Fails()]}).to_stata(root + "/a.dta", version=117))
    keeps_the_old_file(root + "/a.html", lambda: fails.to_html(root + "/a.html"))
    fs, path = url_to_fs(root)
    keeps_the_old_file(root + "/a.parquet", lambda: fails.to_parquet(path + "/a.parquet", filesystem=fs))


def pyarrow_that_fails(root):
    import pyarrow
    import pyarrow.csv
    import pyarrow.feather
    import pyarrow.parquet

    fs, path = url_to_fs(root + "/a")
    table = pyarrow.table({"a": [1]})

    def written_by(make):
        def write():
            with make() as writer:
                writer.write_table(table)
                raise ZeroDivisionError

        return write

    def given_a_file(make):
        def write():
            with fsspec.open(root + "/a", "wb") as file, make(file, table.schema) as writer:
                writer.write_table(table)
                raise ZeroDivisionError

        return write

    keeps_the_old_file(root + "/a", written_by(lambda: pyarrow.parquet.ParquetWriter(path, table.schema, filesystem=fs)))
    keeps_the_old_file(root + "/a", given_a_file(pyarrow.parquet.ParquetWriter))
    keeps_the_old_file(root + "/a", given_a_file(pyarrow.ipc.new_file))
    keeps_the_old_file(root + "/a", given_a_file(pyarrow.csv.CSVWriter))

    def dropped():
        writer = pyarrow.parquet.ParquetWriter(path, table.schema, filesystem=fs)
        writer.write_table(table)
        raise ZeroDivisionError

    keeps_the_old_file(root + "/a", dropped)


def zarr_store(root):
    import numpy
    import zarr

    store = zarr.storage.FsspecStore.from_url(root + "/a.zarr")
    group = zarr.create_group(store=store, overwrite=True)
    array = group.create_array("x", shape=(100, 100), chunks=(10, 10), dtype="f4")
    array[:] = numpy.arange(10_000, dtype="f4").reshape(100, 100)
    array.attrs["unit"] = "m"
    back = zarr.open_group(root + "/a.zarr", mode="r")["x"]
    assert back[42, 7] == 4207 and back[:, 3].sum() == sum(range(3, 10_000, 100)) and back.attrs["unit"] == "m"
    assert [name for name, _ in zarr.open_group(root + "/a.zarr", mode="r").members()] == ["x"]

    for name in ("run1", "run[1]", "run[1]"):  # the last one takes the place of the second, not of the first
        zarr.open_array(f"{root}/{name}.zarr", mode="w", shape=(2,), dtype="i4")[:] = [1, 2]
    assert zarr.open_array(f"{root}/run1.zarr", mode="r")[1] == zarr.open_array(f"{root}/run[1].zarr", mode="r")[1] == 2
    # Chunks that are all fill value are removed, whether they were there or not.
    zarr.open_array(f"{root}/run[1].zarr", mode="w", shape=(2,), dtype="i4", fill_value=0)[:] = 0
    assert zarr.open_array(f"{root}/run1.zarr", mode="r")[1] == 2


def xarray_zarr(root):
    import numpy
    import xarray

    data = xarray.Dataset({"t": (("time", "x"), numpy.random.rand(10, 20))}, coords={"time": numpy.arange(10)})
    data.to_zarr(root + "/a.zarr", mode="w")
    data.isel(time=slice(0, 2)).assign_coords(time=[10, 11]).to_zarr(root + "/a.zarr", append_dim="time")
    back = xarray.open_zarr(root + "/a.zarr")
    assert back.sizes == {"time": 12, "x": 20} and back.isel(time=slice(0, 10)).equals(data)


def dask_collections(root):
    import dask.bag
    import dask.dataframe
    import pandas
    from dask.base import tokenize

    fs, path = url_to_fs(root)
    assert tokenize(fs) == tokenize(pickle.loads(pickle.dumps(fs))) != tokenize(fsspec.filesystem("s3", anon=True))
    dask.bag.from_sequence(["one", "two", "three"], npartitions=3).to_textfiles(root + "/bag/*.txt")
    lines = dask.bag.read_text(root + "/bag/*.txt")
    assert sorted(lines.map(str.strip).compute(scheduler="processes")) == ["one", "three", "two"]
    frame = pandas.DataFrame({"x": range(100)})
    dask.dataframe.from_pandas(frame, npartitions=4).to_parquet(root + "/frame")
    read = dask.dataframe.read_parquet(root + "/frame")
    assert read.x.sum().compute(scheduler="threads") == 4950
    assert len(read) == 100  # by the files' statistics, which dask opens with its own argument
    assert len(fs.glob(path + "/frame/*.parquet")) == 4


def hugging_face_datasets(root):
    import datasets

    with fsspec.open(root + "/a.csv", "w") as file:
        file.write("text,label\n" + "".join(f"line {n},{n % 2}\n" for n in range(100)))
    loaded = datasets.load_dataset("csv", data_files=root + "/a.csv", split="train")
    assert len(loaded) == 100 and loaded[7] == {"text": "line 7", "label": 1}
    streamed = datasets.load_dataset("csv", data_files=root + "/a.csv", split="train", streaming=True)
    assert sum(row["label"] for row in streamed) == 50
    loaded.to_json(root + "/a.jsonl")
    assert len(datasets.load_dataset("json", data_files=root + "/*.jsonl", split="train")) == 100
    loaded.save_to_disk(root + "/saved")
    assert datasets.load_from_disk(root + "/saved")[3]["text"] == "line 3"
    loaded.to_parquet(root + "/a.parquet")
    assert datasets.Dataset.from_parquet(root + "/a.parquet").column_names == ["text", "label"]


def universal_pathlib(root):
    from upath import UPath

    folder = UPath(root) / "folder"
    assert isinstance(folder.fs, cove.CoveFileSystem) and not folder.exists()
    (folder / "a.txt").write_text("zwölf")
    (folder / "deep" / "b.bin").write_bytes(b"\0\1")
    assert (folder / "a.txt").read_text() == "zwölf" and (folder / "a.txt").stat().st_size == 6
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "deep"]
    assert [path.name for path in folder.rglob("*.bin")] == ["b.bin"] and (folder / "deep").is_dir()
    with (folder / "a.txt").open("a") as file:
        file.write("!")
    (folder / "a.txt").rename(folder / "c.txt")
    assert (folder / "c.txt").read_text() == "zwölf!" and not (folder / "a.txt").exists()
    (folder / "c.txt").unlink()
    assert not (folder / "c.txt").exists()
    for name in ("d1.txt", "d[1].txt"):
        (folder / name).write_text(name)
    (folder / "d[1].txt").rename(folder / "e[1].txt")
    (folder / "e[1].txt").unlink()
    assert sorted(path.name for path in folder.iterdir()) == ["d1.txt", "deep"]


EXAMPLES = {
    function.__name__: function
    for function in (
        pandas_csv,
        pandas_parquet,
        pandas_that_fails,
        pyarrow_parquet,
        pyarrow_that_fails,
        zarr_store,
        xarray_zarr,
        dask_collections,
        hugging_face_datasets,
        universal_pathlib,
    )
}


def main():
    name, root = sys.argv[1:]
    assert isinstance(url_to_fs(root)[0], cove.CoveFileSystem)
    EXAMPLES[name](root)
    assert not Path("s3:").exists()
    print("done", flush=True)
    os._exit(0)  # pyarrow's threads abort the interpreter's end at times, on a busy machine one time in four, also where no cove is


if __name__ == "__main__":
    main()

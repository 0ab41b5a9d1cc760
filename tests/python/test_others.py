"""Other programs that read and write through fsspec. They are many and large, so they have a separate Python environment."""

import os
import subprocess
from pathlib import Path

import pytest

import env as environment
from counted import PLACES, proxy, root  # noqa: F401

PYTHON = environment.CACHE / "venv-others" / "bin" / "python"
EXAMPLES = [
    "pandas_csv",
    "pandas_parquet",
    "pandas_that_fails",
    "pyarrow_parquet",
    "pyarrow_that_fails",
    "zarr_store",
    "xarray_zarr",
    "dask_collections",
    "hugging_face_datasets",
    "universal_pathlib",
]


@pytest.mark.skipif(not PYTHON.exists(), reason=f"{PYTHON} is not there: tools/setup.sh test makes it")
@pytest.mark.parametrize("example", EXAMPLES)
def test_others(root, tmp_path, example):
    environ = {
        **os.environ,
        "PYTHONPATH": environment.python_path(*PLACES),
        "HOME": str(tmp_path),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    done = subprocess.run([PYTHON, Path(__file__).parent / "others.py", example, root], env=environ, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "done"


def test_every_example_is_tested():
    text = (Path(__file__).parent / "others.py").read_text()
    assert [name for name in EXAMPLES if f"def {name}(" not in text] == []
    assert text.count("(root):") == len(EXAMPLES)

"""Each list of other versions (tests/versions) has a run, and each run has a list."""

import env
from versions.runs import HERE, RUNS


def test_each_list_has_its_run_and_each_run_its_list():
    lists = sorted(path.stem for path in HERE.rglob("*.txt"))
    assert sorted(run.name for run in RUNS) == lists
    assert all(path.read_text().startswith("# ") for path in HERE.rglob("*.txt"))


def test_every_listed_run_exists():
    paths = {argument.partition("::")[0] for run in RUNS for argument in run.tests if argument.startswith("tests/")}
    assert [path for path in paths if not (env.ROOT / path).exists()] == []

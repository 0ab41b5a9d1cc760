"""Compares random schedules in the C trainer and in Lightning: hooks, rows, learning rates, files, scores and weights; and C
runs that are interrupted at random places and resumed, which must continue as Lightning's uninterrupted run.

COVE_TEST_SCHEDULES=2000 COVE_TEST_SCHEDULES_SEED=1000000 pytest … runs others, or more.
"""

import itertools
import math
import multiprocessing
import os
import random
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

import lightning_schedule  # noqa: E402
import schedules  # noqa: E402

torch.set_num_threads(1)

WHOLE = int(os.environ.get("COVE_TEST_SCHEDULES", 500))
CUT = WHOLE * 9 // 10  # some can't be interrupted, or have no checkpoint yet: 300 are left
ACROSS = WHOLE // 4
SEED = int(os.environ.get("COVE_TEST_SCHEDULES_SEED", 0))


# ---- stories ----


def same_word(a, b):
    """Equal, or numbers that differ only by rounding."""
    if a == b:
        return True
    (name_a, _, x), (name_b, _, y) = (word.rpartition("=" if "=" in word else ":") for word in (a, b))
    try:
        return name_a == name_b and math.isclose(float(x), float(y), rel_tol=2e-5, abs_tol=1e-6)
    except ValueError:
        return False


def same_line(a, b):
    if a == b:
        return True
    words_a, words_b = a.split(" "), b.split(" ")
    return len(words_a) == len(words_b) and all(map(same_word, words_a, words_b))


def events(story):
    return [line for line in story if not line.startswith("message")]


def first_difference(ours, theirs):
    for a, b in itertools.zip_longest(events(ours), events(theirs), fillvalue="(nothing)"):
        if not same_line(a, b):
            return a, b
    return None


# ---- differences that stay: rows of "What differs from Lightning" in docs/trainer.md ----


def story_of_lightning(story):
    """An epoch without an optimizer step is logged at step 0, in Lightning at -1."""
    return [line.replace("row step=-1 ", "row step=0 ") for line in story]


def story_of_ours(story):
    """After a failure teardown is called, in Lightning not."""
    if "result ok" in story:
        return story
    return [line for line in story if not line.startswith(("hook cb.teardown ", "hook mod.teardown "))]


# ---- whole runs ----


def folder(root, name):
    path = root / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return str(path)


def val_check_batches_refused(keys, ours, theirs):
    """A val_check_batches above the epoch's batches: refused here before anything is opened, if there is validation data; in
    Lightning after setup, in any case."""
    if keys["n_val"] == 0 and "must be less than or equal to the number of the training batches" in theirs[-1]:
        return True
    return ours[-1].startswith("message trainer: val_check_batches is") and "result error" in theirs


def beside_lightning(trainer, root, keys):
    """None if the records are equal; else the first difference as text."""
    ours = story_of_ours(trainer.run({**keys, "root": folder(root, "c")}))
    theirs = story_of_lightning(lightning_schedule.run(folder(root, "l"), keys))
    difference = first_difference(ours, theirs)
    if not difference or "refused" in ours and "refused" in theirs or val_check_batches_refused(keys, ours, theirs):
        return None
    message = "".join(f"  {line}\n" for line in [*ours, *theirs] if line.startswith("message"))
    return f"{schedules.line_of(keys)}\n  C:         {difference[0]}\n  Lightning: {difference[1]}\n{message}"


# ---- runs that are cut and resumed ----


def with_a_cut(seed, whole, keys):
    """The schedule with a place of interruption that the uninterrupted run reaches; None: there is none."""
    r = random.Random(f"cut {seed}")
    begun = next((i for i, line in enumerate(whole) if line.startswith("hook cb.on_train_start ")), None)
    if begun is None:
        return None
    place = r.choice(schedules.CUT_PLACES)
    seen = {"mod.training_step": "cb.on_train_batch_start", "mod.validation_step": "cb.on_validation_batch_start"}.get(place, place)
    times = [line for line in whole[begun:] if line.startswith(f"hook {seen} ")]
    if not times:
        return None
    at = r.randrange(len(times))
    if r.random() < 0.3 and " b=" in times[0]:
        # The last batch of an epoch.
        last = [i for i, (a, b) in enumerate(zip(times, times[1:] + ["hook x b=0 "])) if " b=0 " in b]
        at = r.choice(last)
    return {**keys, "cut": place, "cut_n": at + 1, "cut_kind": r.choice(("exception", "interrupt"))}


def newest(root):
    """The newest checkpoint of each folder, and of all."""
    found = []
    for i in range(2):
        paths = sorted((Path(root) / f"ck{i}").glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
        found.append(paths[-1] if paths else None)
    return found, max(filter(None, found), key=lambda path: path.stat().st_mtime_ns, default=None)


def names_of(word):
    return [name for name in word.partition("=")[2].split("/") if name]


def same_files(word, whole_word, cut_from):
    """docs/trainer.md: the checkpoint that a run was resumed from is never removed, and a new one of the same name gets a
    version."""
    names, whole = names_of(word), names_of(whole_word)
    if cut_from is None:
        return names == whole
    name = cut_from.name
    if name.startswith("last"):
        return [n for n in names if n != name] == [n for n in whole if n != name]
    again = cut_from.stem + "-v1.ckpt"
    if again in names and again not in whole:
        names.remove(again)
    return names == whole or [n for n in names if n != name] == whole


def same_resumed(line, whole_line, cut_from):
    words, whole = line.split(" "), whole_line.split(" ")
    if len(words) != len(whole):
        return False
    for word, whole_word in zip(words, whole):
        if word.startswith("files"):
            if not same_files(word, whole_word, cut_from[int(word[5])]):
                return False
        elif not same_word(word, whole_word):
            again = [path.stem + "-v1.ckpt" for path in cut_from if path]
            if not any(a in word and same_word(word.replace(a, a.replace("-v1", "")), whole_word) for a in again):
                return False
    return True


def without_start(story):
    """docs/trainer.md: a resumed run calls on_train_start as well, and what it logs there is logged again."""
    return [" ".join(word for word in line.split(" ") if not word.startswith("h_on_train_start=")) for line in story]


def after_start(story):
    """The record of a resumed run from its first training batch."""
    for i, line in enumerate(story):
        if line.startswith("hook mod.on_train_start "):
            return events(story[i + 1 :])
    return events(story)


def rows(story):
    return [line for line in story if line.startswith("row")]


def why_not_the_same(whole, cut, resumed, cut_from):
    """None if `cut` and `resumed` together equal `whole`; else the first difference."""
    whole, cut, resumed = map(without_start, (whole, cut, resumed))
    ours, all_of_it = after_start(resumed), events(whole)
    if len(ours) > len(all_of_it):
        return "the resumed run reports more than the whole one", ours[0], "-"
    for a, b in zip(reversed(ours), reversed(all_of_it)):
        if not same_resumed(a, b, cut_from):
            return "from the end backward", a, b
    ours, first, all_rows = rows(resumed), rows(cut), rows(whole)
    if any(not same_line(a, b) for a, b in zip(first, all_rows)):
        return "rows before the cut", first[-1:], "-"
    if len(first) + len(ours) < len(all_rows):
        return "rows are missing", first[-1:] + ours[:1], all_rows[len(first) : len(all_rows) - len(ours)]
    return None


def resumed(trainer, root, seed):
    """The C run, interrupted and resumed, beside Lightning's uninterrupted run. ("resumed", None): equal; ("resumed", text):
    the difference; (None, None): the schedule can't be interrupted."""
    keys = schedules.schedule(seed)
    for i in range(keys["checkpoints"]):
        keys[f"mc{i}.save_on_exception"] = 1
    whole = story_of_lightning(lightning_schedule.run(folder(root, "whole"), keys))
    keys = with_a_cut(seed, whole, keys)
    if not keys or "result ok" not in whole:
        return None, None
    here = folder(root, "cut")
    cut = trainer.run({**keys, "root": here})
    cut_from, ckpt = newest(here)
    if not ckpt or "result ok" in cut:
        return None, None
    again = {key: value for key, value in keys.items() if not key.startswith("cut")}
    story = trainer.run({**again, "root": here, "ckpt": ckpt})
    why = why_not_the_same(whole, cut, story, cut_from)
    if not why:
        return "resumed", None
    message = "".join(f"  {line}\n" for line in story if line.startswith("message"))
    return "resumed", f"{schedules.line_of(keys)}\n  resumed from {ckpt.name}: {why[0]}\n  resumed: {why[1]}\n  whole:   {why[2]}\n{message}"


# ---- runs that one of the two trainers began and the other resumes ----

# What a checkpoint of Lightning does not hold (gradients that wait for the optimizer's step, what EarlyStopping asks of the epoch's
# means), and where Lightning leaves the epoch open (max_steps) or ignores a request to stop.
UNEQUAL = ("accumulate_grad_batches", "max_steps", "stop", "named")


def across(trainer, root, seed):
    """Interrupted in one trainer and resumed in the other: the end is the same."""
    keys = schedules.schedule(seed)
    for key in [key for key in keys if key.startswith("es.") or key in UNEQUAL]:
        del keys[key]
    for i in range(keys["checkpoints"]):
        keys[f"mc{i}.save_on_exception"] = 1
    begin = random.Random(f"across {seed}").choice(("c", "lightning"))
    if keys["max_epochs"] < 0:
        keys["max_epochs"] = 3
    whole = lightning_schedule.run(folder(root, "whole"), keys)
    keys = with_a_cut(seed, whole, keys)
    if not keys or "result ok" not in whole:
        return None, None
    keys["cut_kind"] = "exception"
    here = folder(root, "across")
    run = {"c": lambda keys: trainer.run({**keys, "root": here}), "lightning": lambda keys: lightning_schedule.run(here, keys)}
    run[begin](keys)
    ckpt = newest(here)[1]
    if not ckpt:
        return None, None
    again = {key: value for key, value in keys.items() if not key.startswith("cut")}
    beside = folder(root, "beside")
    shutil.copytree(here, beside, dirs_exist_ok=True)
    story = run["lightning" if begin == "c" else "c"]({**again, "ckpt": ckpt})

    def comes_to(story):
        return [line.partition(" files0=")[0] for line in story if line.startswith(("result ", "end "))]

    if all(map(same_line, comes_to(story), comes_to(whole))):
        return begin, None
    if lightning_schedule.NOT_LOGGED in story[-1]:
        # Lightning's checkpoints have no metrics, and it reads none, so both trainers fail on a monitor that is not
        # there yet.
        beside_ckpt = Path(beside) / ckpt.relative_to(here)
        if lightning_schedule.NOT_LOGGED in lightning_schedule.run(beside, {**again, "ckpt": beside_ckpt})[-1]:
            return begin, None
    message = "".join(f"  {line}\n" for line in story if line.startswith("message"))
    return begin, f"{schedules.line_of(keys)}\n  begun in {begin}, resumed from {ckpt.name}: {comes_to(story)}\n  whole: {comes_to(whole)}\n{message}"


# ---- many ----


def share(arguments):
    """Runs every `step`th seed in this process; returns the results."""
    kind, build, root, first, count, step = arguments
    trainer = schedules.Trainer(build)
    try:
        return [(seed, *kind(trainer, root, seed)) for seed in range(first, first + count, step)]
    finally:
        trainer.close()


def many(kind, build, root, first, count, workers=2):
    shares = [(kind, build, root / str(i), first + i, count - i, workers) for i in range(workers)]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        return [one for part in pool.map(share, shares) for one in part]


def whole(trainer, root, seed):
    return "whole", beside_lightning(trainer, root, schedules.schedule(seed))


def report(failures):
    return f"{len(failures)} schedules differ, the first are:\n" + "\n".join(f"seed {seed}: {why}" for seed, why in failures[:5])


def check(results, at_least):
    done = [(seed, why) for seed, kind, why in results if kind]
    failures = [(seed, why) for seed, why in done if why]
    assert not failures, report(failures)
    assert len(done) >= at_least


def test_schedules_equal_lightnings(build, tmp_path):
    check(many(whole, build, tmp_path, SEED, WHOLE), WHOLE)


def test_a_resumed_run_equals_an_uninterrupted_one(build, tmp_path):
    check(many(resumed, build, tmp_path, SEED, CUT), WHOLE * 3 // 5)


def test_each_trainer_resumes_runs_of_the_other(build, tmp_path):
    results = many(across, build, tmp_path, SEED, ACROSS)
    check(results, ACROSS // 2)
    assert {"c", "lightning"} <= {kind for _, kind, _ in results}


CHANGED = {
    "max_epochs": 3,
    "n_train": 7,
    "log_every_n_steps": 2,
    "accumulate_grad_batches": 2,
    "gradient_clip_val": 0.1,
    "sched_size": 2,
    "val_check_fraction": 0.5,
    "num_sanity_val_steps": 1,
    "values": 3,
    "mc0.save_top_k": 2,
    "mc0.mode": "max",
    "mc0.save_last": 1,
    "mc0.filename": "x",
    "es.patience": 1,
    "es.min_delta": 0.3,
    "stop": "1.1",
    "named": "step",
}


def test_the_comparison_reports_a_difference(build, tmp_path):
    """The two trainers with one key changed in Lightning's schedule: the comparison reports each."""
    keys = {
        "seed": 1,
        "n_train": 8,
        "batch_size": 2,
        "max_epochs": 4,
        "n_val": 2,
        "val_batch_size": 1,
        "gradient_clip_val": 2.0,
        "gradient_clip_algorithm": "norm",
        "sched": "epoch",
        "sched_freq": 1,
        "sched_size": 1,
        "values": 9,
        "checkpoints": 1,
        "mc0.monitor": "val_loss",
        "mc0.mode": "min",
        "mc0.save_top_k": 1,
        "mc0.save_last": 0,
        "es.monitor": "val_loss",
        "es.mode": "min",
        "es.patience": 3,
    }
    trainer = schedules.Trainer(build)
    ours = trainer.run({**keys, "root": folder(tmp_path, "c")})
    trainer.close()
    lightnings = {key: lightning_schedule.run(folder(tmp_path, "l"), {**keys, key: value}) for key, value in CHANGED.items()}
    assert first_difference(ours, story_of_lightning(lightning_schedule.run(folder(tmp_path, "l"), keys))) is None
    assert [key for key in CHANGED if not first_difference(ours, story_of_lightning(lightnings[key]))] == []

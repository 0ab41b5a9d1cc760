"""Random schedules, and running them in the C trainer."""

import random
import subprocess

LOGGING_HOOKS = """on_train_start on_train_epoch_start on_train_epoch_end on_train_batch_start on_train_batch_end on_after_backward
    on_before_optimizer_step on_before_zero_grad on_validation_start on_validation_epoch_start on_validation_epoch_end
    on_validation_batch_start on_validation_batch_end""".split()
CUT_PLACES = """mod.training_step mod.training_step mod.training_step mod.validation_step mod.validation_step
    cb.on_train_batch_start cb.on_train_batch_end mod.on_train_batch_end mod.on_after_backward mod.on_before_optimizer_step
    mod.on_before_zero_grad cb.on_validation_start mod.on_validation_epoch_end cb.on_validation_end mod.on_validation_batch_end
    cb.on_train_epoch_start cb.on_train_epoch_end mod.on_train_epoch_end""".split()


def line_of(keys):
    return " ".join(f"{key}={value}" for key, value in keys.items())


def monitors(keys):
    names = ["train_loss", "train_loss_step", "train_loss_epoch", "sometimes", "mean"]
    if keys["n_val"]:
        names += ["val_loss"] * 5
        if keys.get("val_both"):
            names += ["val_both", "val_both_epoch"]
    if keys.get("ep"):
        names += ["ep"] * 2
    return names


def checkpoint(r, keys, i):
    some = {}
    if r.random() < 0.8:
        some["monitor"] = r.choice(monitors(keys))
        some["mode"] = r.choice(("min", "max"))
    some["save_top_k"] = r.choice((1, 1, 2, 3, 0, -1)) if "monitor" in some else r.choice((1, 1, 0, -1))
    some["save_last"] = r.choice((0, 1))
    if r.random() < 0.4:
        some["every_n_train_steps"] = r.choice((1, 2, 3, 4))
    elif r.random() < 0.5:
        some["every_n_epochs"] = r.choice((0, 1, 2))
    if r.random() < 0.4:
        names = ["{epoch}", "{step}", "{epoch}-{step}", "x", "{epoch:02d}-{train_loss:.2f}", "{mean:.1f}", "{step:04d}-{nothing}"]
        if keys["n_val"]:
            names += ["{epoch}-{val_loss:.3f}", "{val_loss}"]
        some["filename"] = r.choice(names)
    if r.random() < 0.2:
        some["save_on_exception"] = 1
    return {f"mc{i}.{key}": value for key, value in some.items()}


def early_stopping(r, keys):
    some = {"monitor": r.choice(monitors(keys) + ["nothing"] * (r.random() < 0.3)), "mode": r.choice(("min", "max")), "patience": r.choice((1, 1, 2, 3))}
    if r.random() < 0.4:
        some["min_delta"] = r.choice((0.0625, 0.1, 0.3))
    if r.random() < 0.3:
        some["strict"] = 0
    if r.random() < 0.4:
        some["check_finite"] = 0
    return {f"es.{key}": value for key, value in some.items()}


def schedule(seed):
    """The schedule of `seed`: a dict of schedule.c's keys."""
    r = random.Random(seed)
    keys = {
        "seed": seed,
        "n_train": r.randint(1, 14),
        "batch_size": r.randint(1, 3),
        "max_epochs": r.randint(1, 4),
        "n_val": r.choice((0, 1, 3, 4, 5, 5)),
        "val_batch_size": r.randint(1, 3),
    }

    def maybe(probability, **choices):
        if r.random() < probability:
            keys.update({key: r.choice(values) for key, values in choices.items()})

    n = -(-keys["n_train"] // keys["batch_size"])
    maybe(0.25, max_steps=(1, 2, 3, 5, 8, 13))
    if r.random() < 0.1 and "max_steps" in keys:
        keys["max_epochs"] = -1
    maybe(0.2, limit_train_batches=(1, 2, 3, 5, 0))
    n = min(n, keys.get("limit_train_batches", n))
    maybe(0.2, limit_val_batches=(1, 2, 0))
    if r.random() < 0.3:
        keys["val_check_batches"] = r.randint(1, n + (r.random() < 0.05)) if n else 1
    else:
        maybe(0.3, val_check_fraction=(0.25, 0.5, 0.34, 0.75))
    maybe(0.25, check_val_every_n_epoch=(2, 2, 3))
    maybe(0.6, num_sanity_val_steps=(0, 1, -1))
    maybe(0.4, accumulate_grad_batches=(2, 3, 4))
    maybe(0.4, log_every_n_steps=(2, 3, 50))
    maybe(0.3, gradient_clip_val=(0.1, 0.5, 2.0), gradient_clip_algorithm=("norm", "value"))
    maybe(0.4, momentum=(0.9,))
    maybe(0.4, sched=("epoch", "step"), sched_freq=(1, 1, 2, 3), sched_size=(1, 2))
    maybe(0.2, nan=(3, 10, 40))
    keys["values"] = r.choice((2, 4, 9, 1000))
    maybe(0.4, val_both=(1,))
    maybe(0.4, ep=(1,))
    if r.random() < 0.4:
        keys["logs"] = "+".join(sorted(r.sample(LOGGING_HOOKS, r.randint(1, 4))))
    if r.random() < 0.15:
        keys["stop"] = f"{r.randrange(keys['max_epochs'] if keys['max_epochs'] > 0 else 2)}.{r.randrange(max(n, 1))}"
    if r.random() < 0.1:
        keys["named"] = r.choice(("epoch", "step", "epoch+step"))
    keys["checkpoints"] = r.choice((1, 1, 1, 2))
    for i in range(keys["checkpoints"]):
        keys.update(checkpoint(r, keys, i))
    if r.random() < 0.4:
        keys.update(early_stopping(r, keys))
    return keys


class Trainer:
    """A running schedule.c."""

    def __init__(self, build):
        self.process = subprocess.Popen(
            [build / "tests/interop/schedule"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )

    def run(self, keys):
        """The record of a schedule."""
        self.process.stdin.write(line_of(keys) + "\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "done\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"schedule.c ended with status {self.process.wait()}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

"""Runs a schedule in Lightning and prints its events in the format of schedule.c."""

import logging
import math
import os
import warnings

import torch

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities.exceptions import MisconfigurationException

for quiet in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(quiet).setLevel(logging.CRITICAL)

MASK = (1 << 64) - 1
TRAIN, VAL, EPOCH, HOOKS = 1, 2, 3, 4

NOT_LOGGED = "was never logged"  # as in our own message

HOOK_NAMES = """setup teardown on_fit_start on_fit_end on_sanity_check_start on_sanity_check_end on_train_start on_train_end
    on_train_epoch_start on_train_epoch_end on_train_batch_start on_train_batch_end on_after_backward
    on_before_optimizer_step on_before_zero_grad on_validation_start on_validation_end on_validation_epoch_start
    on_validation_epoch_end on_validation_batch_start on_validation_batch_end""".split()
WITH_FILES = ("on_train_batch_start", "on_train_epoch_start", "on_validation_start", "on_train_end")


class Cut(Exception):
    """The exception that a schedule raises."""


def number(value):
    value = float(value)
    return "nan" if math.isnan(value) else "%.6g" % value


class Schedule:
    """A schedule's keys and generated values; schedule.c has the same functions."""

    def __init__(self, keys):
        self.keys = keys
        self.cuts = 0

    def __call__(self, key, otherwise):
        return type(otherwise)(self.keys.get(key, otherwise))

    def value_at(self, stream, epoch, step, batch):
        x = self("seed", 0) * 1000003 + stream * 7919
        x = (x + epoch * 104729 + step * 1299709 + batch * 15485863 + 12345) & MASK
        x ^= x >> 13
        x = x * 0x9E3779B97F4A7C15 & MASK
        x ^= x >> 29
        x = x * 0xBF58476D1CE4E5B9 & MASK
        x ^= x >> 32
        if x % 97 < self("nan", 0):
            return math.nan
        return x // 97 % self("values", 9) / 16

    def cut_here(self, trainer, place):
        if trainer.sanity_checking or self("cut", "") != place:
            return
        self.cuts += 1
        if self.cuts == self("cut_n", 1):
            raise Cut


class Rows(Logger):
    name, version = "rows", 0

    def __init__(self, root, record):
        super().__init__()
        self.root, self.record = root, record

    @property
    def save_dir(self):
        return self.root

    def log_hyperparams(self, *args, **kwargs):
        pass

    def log_metrics(self, metrics, step=None):
        words = sorted(f"{name}={number(value)}" for name, value in metrics.items())
        self.record.append(" ".join([f"row step={step}", *words]))


def files(root):
    words = []
    for i in range(2):
        folder = os.path.join(root, f"ck{i}")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        words.append(f"files{i}=" + "".join("/" + name for name in sorted(names)))
    return " ".join(words)


# docs/trainer.md, "What differs": EarlyStopping and ModelCheckpoint come after the module in these, too.
AFTER_THE_MODULE = ("on_train_batch_end", "on_validation_end")


def after_the_module(callback):
    """The class, with these hooks as late_…, which the module's hooks call."""
    for name in AFTER_THE_MODULE:
        setattr(callback, f"late_{name}", getattr(callback, name))
        setattr(callback, name, lambda self, *args, **kwargs: None)
    return callback


def hooks_of(who, names, called):
    """A dict of hooks that record their calls."""

    def make(name):
        def hook(self, *args, **kwargs):
            trainer = args[0] if who == "cb" else self.trainer
            batch = None
            if "_batch_" in name:
                arguments = [*(args[2:] if who == "cb" else args), *kwargs.values()]
                if isinstance(arguments[-1], int) and name.startswith("on_validation"):
                    at = next(i for i, a in enumerate(arguments) if isinstance(a, int))
                else:
                    at = len(arguments) - 1
                batch = (arguments[at - 1], arguments[at])
            called(who, name, trainer, self, batch)
            if who == "mod" and name in AFTER_THE_MODULE:
                for callback in trainer.callbacks:
                    getattr(callback, f"late_{name}", lambda *args, **kwargs: None)(trainer, self, *args, **kwargs)

        return hook

    return {name: make(name) for name in names}


class Module(pl.LightningModule):
    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule
        self.w = torch.nn.Parameter(torch.ones(2))

    def training_step(self, batch, idx):
        s, epoch = self.schedule, self.trainer.current_epoch
        value = s.value_at(TRAIN, epoch, 0, idx)
        s.cut_here(self.trainer, "mod.training_step")
        self.log("train_loss", value, on_step=True, on_epoch=True)
        if idx % 3:
            self.log("sometimes", value)
        self.log("mean", value, on_step=False, on_epoch=True)
        if "epoch" in s("named", "").split("+"):
            self.log("epoch", float(epoch * 10 + idx))
        if "step" in s("named", "").split("+"):
            self.log("step", float(epoch * 100 + idx))
        if s("stop", "") == f"{epoch}.{idx}":
            self.trainer.should_stop = True
        return (self.w * torch.tensor([1.0 if math.isnan(value) else value, idx % 3 - 1.0])).sum()

    def validation_step(self, batch, idx):
        s = self.schedule
        value = s.value_at(VAL, self.trainer.current_epoch, self.trainer.global_step, idx)
        s.cut_here(self.trainer, "mod.validation_step")
        self.log("val_loss", value)
        if s("val_both", 0):
            self.log("val_both", value, on_step=True, on_epoch=True)

    def configure_optimizers(self):
        s = self.schedule
        optimizer = torch.optim.SGD(self.parameters(), lr=0.5, momentum=s("momentum", 0.0))
        if not s("sched", ""):
            return optimizer
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, s("sched_size", 1), 0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": s("sched", ""), "frequency": s("sched_freq", 1)}}


def at_epoch_end(trainer, as_lightning):
    """docs/trainer.md, "What differs": val_check_batches = 1 is one batch, and without validation data callbacks act at the
    epoch's end."""
    if not trainer.enable_validation:
        return True
    return as_lightning and not isinstance(trainer.val_check_interval, int)


@after_the_module
class Stopping(EarlyStopping):
    __qualname__ = "EarlyStopping"  # part of its state key

    def on_train_start(self, trainer, module):
        self._check_on_train_epoch_end = at_epoch_end(trainer, self._check_on_train_epoch_end)

    def on_train_epoch_end(self, trainer, module):
        # The same page: an epoch that was cut short may end without the monitor.
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch or self.monitor in trainer.callback_metrics:
            super().on_train_epoch_end(trainer, module)


@after_the_module
class Checkpoint(ModelCheckpoint):
    """Lightning's, except for the rows of docs/trainer.md, "What differs", that the comments below name."""

    __qualname__ = "ModelCheckpoint"
    at_batch_end = False

    def _due(self, trainer):
        return self._every_n_epochs >= 1 and (trainer.current_epoch + 1) % self._every_n_epochs == 0

    def _should_save_on_train_epoch_end(self, trainer):
        return self.at_batch_end or at_epoch_end(trainer, super()._should_save_on_train_epoch_end(trainer))

    def on_train_batch_end(self, trainer, module, outputs, batch, idx):
        # Step 0 is not a multiple of every_n_train_steps. If a validation follows the batch, a save by steps waits for
        # its metric; Lightning waits at the epoch's last batch, whether or not a validation follows it.
        due = self._every_n_train_steps >= 1 and trainer.global_step % self._every_n_train_steps == 0
        if trainer.global_step == 0:
            return
        if (
            due
            and self.monitor
            and not self._should_save_on_train_epoch_end(trainer)
            and not self._should_skip_saving_checkpoint(trainer)
            and trainer.fit_loop.epoch_loop._should_check_val_fx(None)
        ):
            self._defer_save_until_validation = True
            return
        self.at_batch_end = True
        super().on_train_batch_end(trainer, module, outputs, batch, idx)
        self.at_batch_end = False

    def _save_topk_checkpoint(self, trainer, candidates):
        # A monitor that was never logged is an error if a save is due and the epoch's last batch is done.
        if self.monitor and self.save_top_k != 0 and self.monitor not in candidates:
            if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
                raise MisconfigurationException(NOT_LOGGED)
            return
        super()._save_topk_checkpoint(trainer, candidates)

    def _save_due(self, trainer):
        # A save that waits for its metric is made at the epoch's end if no validation follows. And last.ckpt is written
        # at every due save, also if the monitor did not get better.
        if self._defer_save_until_validation or self._due(trainer):
            candidates = self._monitor_candidates(trainer)
            self._save_topk_checkpoint(trainer, candidates)
            self._save_last_checkpoint(trainer, candidates)
            self._defer_save_until_validation = False

    def on_train_epoch_end(self, trainer, module):
        if not self._should_skip_saving_checkpoint(trainer) and self._should_save_on_train_epoch_end(trainer):
            self._save_due(trainer)

    def on_validation_end(self, trainer, module):
        if not self._should_skip_saving_checkpoint(trainer) and not self._should_save_on_train_epoch_end(trainer):
            self._save_due(trainer)

    def on_exception(self, trainer, module, exception):
        # A failed run is saved also at a step where a save was due, and at step 0: as last.ckpt, or without save_last
        # under a free name.
        if not self.save_on_exception or trainer.sanity_checking:
            return
        candidates = self._monitor_candidates(trainer)
        if self.save_last:
            self._save_last_checkpoint(trainer, candidates)
        else:
            self._save_checkpoint(trainer, self._get_metric_interpolated_filepath_name(candidates, trainer))


def new_checkpoint(s, root, i):
    def get(key, otherwise):
        return s(f"mc{i}.{key}", otherwise)

    return Checkpoint(
        dirpath=os.path.join(root, f"ck{i}"),
        monitor=get("monitor", "") or None,
        mode=get("mode", "min"),
        filename=get("filename", "") or None,
        save_top_k=get("save_top_k", 1),
        save_last=bool(get("save_last", 0)) or None,
        every_n_train_steps=get("every_n_train_steps", 0) or None,
        every_n_epochs=None if get("every_n_epochs", -1) < 0 else get("every_n_epochs", 0),
        save_on_exception=bool(get("save_on_exception", 0)),
    )


def new_early_stopping(s):
    return Stopping(
        s("es.monitor", ""),
        mode=s("es.mode", "min"),
        patience=s("es.patience", 3),
        min_delta=s("es.min_delta", 0.0),
        strict=bool(s("es.strict", 1)),
        check_finite=bool(s("es.check_finite", 1)),
    )


def new_trainer(s, root, callbacks, record):
    def limit(key):
        return None if s(key, -1) < 0 else s(key, 0)

    return pl.Trainer(
        default_root_dir=root,
        accelerator="cpu",
        devices=1,
        callbacks=callbacks,
        logger=Rows(root, record),
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(s("checkpoints", 1)),
        max_epochs=s("max_epochs", 2),
        max_steps=s("max_steps", -1),
        val_check_interval=s("val_check_batches", 0) or s("val_check_fraction", 1.0),
        check_val_every_n_epoch=s("check_val_every_n_epoch", 1),
        limit_train_batches=limit("limit_train_batches"),
        limit_val_batches=limit("limit_val_batches"),
        num_sanity_val_steps=s("num_sanity_val_steps", 2),
        accumulate_grad_batches=s("accumulate_grad_batches", 1),
        log_every_n_steps=s("log_every_n_steps", 1),
        gradient_clip_val=s("gradient_clip_val", 0.0) or None,
        gradient_clip_algorithm=s("gradient_clip_algorithm", "norm"),
    )


def base_name(path):
    return os.path.basename(path) if path else ""


def of_checkpoint(name, c):
    def score(value):
        return "None" if value is None else number(value)

    words = [
        name,
        f"best_model_path={base_name(c.best_model_path)}",
        f"best_model_score={score(c.best_model_score)}",
        f"current_score={score(c.current_score)}",
        f"kth_value={score(c.kth_value)}",
        f"kth_best_model_path={base_name(c.kth_best_model_path)}",
        f"last_model_path={base_name(c.last_model_path)}",
    ]
    return " ".join(words + [f"{base_name(path)}:{number(value)}" for path, value in c.best_k_models.items()])


def reason_of(trainer, result):
    """The condition of the loop's `done`."""
    loop = trainer.fit_loop
    if result != "ok":
        return "failed"
    if loop.max_batches == 0 or trainer.limit_train_batches == 0:
        return "no_batches"
    if trainer.max_steps >= 0 and trainer.global_step >= trainer.max_steps:
        return "max_steps"
    if trainer.max_epochs >= 0 and loop.epoch_progress.current.processed >= trainer.max_epochs:
        return "max_epochs"
    return "stopped"


def run(root, keys):
    """The record of the run as a list of lines."""
    s, record, message = Schedule(keys), [], []

    def called(who, name, trainer, module, batch):
        words = [f"hook {who}.{name} e={trainer.current_epoch} s={trainer.global_step}"]
        if batch:
            words.append(f"b={batch[1]} n={len(batch[0][0])}")
        if who == "cb" and name in WITH_FILES:
            words += ["lr=%.6g" % trainer.optimizers[0].param_groups[0]["lr"], files(root)]
        record.append(" ".join(words))
        if who == "mod" and name == "on_train_epoch_end" and s("ep", 0):
            module.log("ep", s.value_at(EPOCH, trainer.current_epoch, 0, 0))
        if who == "mod" and name in s("logs", "").split("+"):
            module.log(f"h_{name}", s.value_at(HOOKS + sum(name.encode()), trainer.current_epoch, trainer.global_step, batch[1] if batch else -1))
        s.cut_here(trainer, f"{who}.{name}")

    def loader(n, batch_size):
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(n, 1)), batch_size=batch_size)

    teller = type("Teller", (Callback,), hooks_of("cb", HOOK_NAMES, called))()
    module = type("Told", (Module,), hooks_of("mod", HOOK_NAMES, called))(s)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stopping, checkpoints = None, []
        try:
            if s("es.monitor", ""):
                stopping = new_early_stopping(s)
            checkpoints = [new_checkpoint(s, root, i) for i in range(s("checkpoints", 1))]
            trainer = new_trainer(s, root, [teller, *([stopping] if stopping else []), *checkpoints], record)
        except (MisconfigurationException, RuntimeError, ValueError) as e:
            return ["refused", f"message {e!r}"]
        result = "ok"
        try:
            trainer.fit(
                module,
                loader(s("n_train", 8), s("batch_size", 2)),
                loader(s("n_val", 4), s("val_batch_size", 2)) if s("n_val", 4) else None,
                ckpt_path=s("ckpt", "") or None,
            )
        except Exception as e:
            result = "error"
            message = [f"message {e!r}"]
    record.append(f"result {result}")
    record += [of_checkpoint(f"mc{i}", c) for i, c in enumerate(checkpoints)]
    if stopping:
        record.append(
            f"es wait_count={stopping.wait_count} stopped_epoch={stopping.stopped_epoch} "
            f"best_score={number(stopping.best_score)} stopping_reason={stopping.stopping_reason.value}"
        )
    w = module.w.detach()
    record.append(
        f"end e={trainer.current_epoch} s={trainer.global_step} reason={reason_of(trainer, result)} w0={number(w[0])} w1={number(w[1])} {files(root)}"
    )
    return record + message

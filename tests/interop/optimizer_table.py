"""Prints src/trainer/optimizer_table.h: the parameters after twenty steps of torch.optim.

    python tests/interop/optimizer_table.py > src/trainer/optimizer_table.h

Parameters begin at START; the gradient of step s is p / 2 + OFFSETS[s % 3], in float32, so that each step depends on those before.
"""

import torch

START = [0.5, -1.25, 2.0, 1e-3, -3.0]
OFFSETS = [[0.1, -0.2, 0.3, 0.0, 1.0], [-0.4, 0.05, 0.0, 2e-4, -0.5], [0.25, 0.125, -1.0, 1e-5, 0.75]]
STEPS = 20
CASES = {
    "sgd": (torch.optim.SGD, dict(lr=0.05)),
    "sgd_decay": (torch.optim.SGD, dict(lr=0.05, weight_decay=0.1)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.05, momentum=0.9)),
    "sgd_dampening": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, dampening=0.5)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True)),
    "sgd_maximize": (torch.optim.SGD, dict(lr=0.01, momentum=0.5, maximize=True)),
    "adam": (torch.optim.Adam, dict(lr=0.02, weight_decay=0.1)),
    "adam_amsgrad": (torch.optim.Adam, dict(lr=0.02, amsgrad=True)),
    "adamw": (torch.optim.AdamW, dict(lr=0.02)),
    "adamw_betas": (torch.optim.AdamW, dict(lr=0.02, betas=(0.3, 0.95), eps=1e-6, weight_decay=0.2)),
    "adamw_amsgrad": (torch.optim.AdamW, dict(lr=0.02, amsgrad=True, maximize=True)),
}


def run(kind, options):
    p = torch.tensor(START, requires_grad=True)
    optimizer = kind([p], **options)
    for step in range(STEPS):
        p.grad = p.detach() / 2 + torch.tensor(OFFSETS[step % 3])
        optimizer.step()
    return p.detach().tolist()


def schedule(make, steps):
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=0.1)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def row(values, form):
    return "{ " + ", ".join(form(v) for v in values) + " }"


def main():
    lr = torch.optim.lr_scheduler
    schedules = {
        "step": schedule(lambda o: lr.StepLR(o, step_size=3, gamma=0.5), 10),
        "cosine": schedule(lambda o: lr.CosineAnnealingLR(o, T_max=4, eta_min=0.01), 10),
        "lambda": schedule(lambda o: lr.LambdaLR(o, lambda epoch: 0.9**epoch), 10),
    }
    print("/* Made by tests/interop/optimizer_table.py with torch %s: what torch.optim computes. */" % torch.__version__.split("+")[0])
    print("#ifndef COVE_TRAINER_OPTIMIZER_TABLE_H\n#define COVE_TRAINER_OPTIMIZER_TABLE_H\n")
    print(f"#define TABLE_N {len(START)}\n#define TABLE_STEPS {STEPS}\n")
    print("static const float table_start[TABLE_N] = %s;" % row(START, lambda v: f"{float(v)!r}f"))
    print("static const float table_offsets[3][TABLE_N] = { %s };" % ", ".join(row(o, lambda v: f"{float(v)!r}f") for o in OFFSETS))
    for name, (kind, options) in CASES.items():
        print(f"static const float table_{name}[TABLE_N] = " + row(run(kind, options), lambda v: f"{v!r}f") + ";")
    for name, rates in schedules.items():
        print(f"static const double table_lr_{name}[10] = " + row(rates, repr) + ";")
    print("\n#endif")


if __name__ == "__main__":
    main()

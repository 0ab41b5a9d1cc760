"""The rows: which works there are, who does each, at what size, what is aimed at. For bench/python/run and bench/python/report."""

# work: words, size, its unit, clients, rounds (s3fs's take minutes where they are many)
WORKS = {
    "scalars": ("TensorBoardLogger, steps of 10 scalars", 1000, "steps", ["cove", "s3fs", "local"], 3),
    "hard-exit": ("scalars missing after a hard exit", 4, "s", ["cove", "s3fs"], 3),
    "save": ("Lightning saves", 500, "MB", ["cove", "cove-plugin", "cove-async", "obstore", "s3fs", "local"], 5),
    "resume": ("Lightning resumes", 500, "MB", ["cove", "cove-plugin", "obstore", "s3fs", "local"], 5),
    "five": ("5 checkpoints, top 3 and last, of", 100, "MB", ["cove", "cove-plugin", "s3fs"], 3),
    "cat": ("cat of one file", 1024, "MiB", ["cove", "obstore", "s3fs"], 5),
    "pipe": ("pipe of one file", 1024, "MiB", ["cove", "obstore", "s3fs"], 5),
    "small": ("cat of files of 16 KiB", 5000, "files", ["cove", "obstore", "obstore-async", "s3fs"], 5),
    "exists": ("exists, one after another", 2000, "calls", ["cove", "c", "obstore", "s3fs"], 5),
    "info": ("info, one after another", 2000, "calls", ["cove", "c", "obstore", "s3fs"], 5),
    "import": ("import", 20, "times", ["cove", "s3fs", "obstore"], 1),
}
SLOW = {("scalars", "s3fs"), ("small", "s3fs")}  # far from every aim: in the first round only
NO_MEMORY_OF = {"cat": 1024 << 20}  # the result is no cost of the client

# (work, client, figure, other client, limit as a multiple of the other's figure). Without another client the limit is in the figure's unit.
AIMS = [
    ("scalars", "cove", "wall", "local", 1.2),
    ("scalars", "cove", "requests", None, 60),
    ("scalars", "cove", "sent", "file", 4.0),
    ("hard-exit", "cove", "missing", None, 1.0),
    ("save", "cove-plugin", "wall", "s3fs", 0.7),
    ("save", "cove-plugin", "cpu", "local", 1.25),
    ("save", "cove-plugin", "peak above", "local", 150),
    ("save", "cove", "wall", "s3fs", 0.7),
    ("save", "cove", "cpu", "local", 1.25),
    ("save", "cove", "peak above", "local", 150),
    ("resume", "cove", "wall", "s3fs", 0.6),
    ("resume", "cove", "asked", "file", 1.02),
    ("resume", "cove", "HEAD", None, 1),
    ("resume", "cove-plugin", "wall", "s3fs", 0.6),
    ("resume", "cove-plugin", "asked", "file", 1.02),
    ("resume", "cove-plugin", "HEAD", None, 1),
    ("five", "cove-plugin", "sent", None, 600),
    ("five", "cove-plugin", "requests", "s3fs", 0.5),
    ("cat", "cove", "cpu", "s3fs", 0.35),
    ("cat", "cove", "cpu", "obstore", 0.7),
    ("cat", "cove", "peak", None, 64),
    ("pipe", "cove", "cpu", "s3fs", 0.35),
    ("pipe", "cove", "cpu", "obstore", 0.7),
    ("pipe", "cove", "peak", None, 64),
    ("small", "cove", "wall", "s3fs", 1 / 8),
    ("small", "cove", "cpu", "obstore-async", 0.6),
    ("exists", "cove", "wall", "c", 1.3),
    ("info", "cove", "wall", "c", 1.3),
    ("import", "cove", "wall", None, 0.030),
]

"""The command `cove`, for `cove` and `python -m cove`: the C program that lies beside this file takes the process over."""

import os
import signal
import sys

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cove")


def main() -> None:
    """Becomes the program, with this process's id, arguments, files and environment: signals and exit codes are the program's own."""
    # Python ignores these two for itself, and what is ignored stays so in the program that follows.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(_PROGRAM, ["cove", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"cove: {_PROGRAM}: {error.strerror}")


if __name__ == "__main__":
    main()

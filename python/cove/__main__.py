"""The command, as `cove` and `python -m cove`: this process becomes the C program beside this file."""

import os
import signal
import sys

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cove")


def main() -> None:
    """Replaces this process by the program (exec): same process id, arguments, open files and environment."""
    # Python ignores these two, and ignored signals stay ignored after exec.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(_PROGRAM, ["cove", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"cove: {_PROGRAM}: {error.strerror}")


if __name__ == "__main__":
    main()

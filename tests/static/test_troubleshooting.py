"""Every message in docs/troubleshooting.md is in the sources."""

import re

import env
from test_tree import tracked

# Of pip, meson and the system's loader, and what no message is.
FOREIGN = ("externally-managed-environment", "Dependency", "error while loading", "the run starts", "the checkpoint that was", "a folder")


def sources():
    """All literals of the programs, joined where they stand in pieces."""
    text = "\n".join(
        path.read_text() for path in tracked("src/**/*.c", "src/**/*.h", "cli/*.c", "python/**/*.py", "python/**/*.c") if not path.name.endswith("_test.c")
    )
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def messages():
    page = (env.ROOT / "docs" / "troubleshooting.md").read_text()
    rows = [row.split(" | ")[0].removeprefix("| ") for row in page.splitlines() if row.startswith("| ")]
    return [
        message for row in rows if not row.startswith(FOREIGN) for message in re.findall(r"`([^`]+)`", row) if not message.startswith(("error: ", *FOREIGN))
    ]


def test_every_message_is_in_the_sources():
    text = sources()
    pieces = [(message, piece.strip()) for message in messages() for piece in message.split("…") if len(piece.strip()) > 3]
    assert len(pieces) > 30
    assert [message for message, piece in pieces if piece not in text] == []

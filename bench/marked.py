"""Parts of pages that a script generates from figures, between two marks; --check compares them with the figures."""

import sys


def with_part(page, maker, text):
    """The content of the file `page` with `text` between the marks of `maker`."""
    begin, end = f"<!-- made by {maker}: begin -->\n", f"<!-- made by {maker}: end -->\n"
    before, begun, rest = page.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        sys.exit(f"{page} lacks the marks of {maker}")
    return f"{before}{begin}{text}{end}{after}"


def update(maker, pages, check):
    """Writes {file: its text}; with `check` writes nothing and exits with status 1 where a file differs."""
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text() != text]
    if check and stale:
        sys.exit(f"not what {maker} makes of the results: {', '.join(map(str, stale))}")
    for page in stale:
        page.write_text(pages[page])

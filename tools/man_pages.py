#!/usr/bin/env python3
"""Makes the manual pages of section 3: what is written by hand (docs/man/NAME.3.in) and what the public headers say.

    tools/man_pages.py FOLDER      writes FOLDER/man3/; `meson install` runs it with its mandir

A page is mdoc(7) with these additional lines:
    @synopsis HEADER…   the includes and every call of the headers
    @about HEADER       the comment that begins the header
    @calls HEADER…      every type and call with its comment, a section of the header as a subsection
    @links NAME…        more names for the page
Each call is another name of the page that it stands in.
"""

import os
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include" / "cove"
WIDTH = 78
# How a comment begins that is about all calls below it, not about the first.
ABOUT_ALL = ("Both ", "Bytes ", "Containers", "Iterators", "Makers", "Typed ", "What ", "The constant")

# ---- headers ----


def paragraphs(comment):
    """The text of a comment, by paragraphs."""
    text = re.sub(r"^/\*+|\*+/$", "", comment.strip())
    lines = [re.sub(r"^\s*\*? ?", "", line).rstrip() for line in text.strip().split("\n")]
    return [" ".join(block.split()) for block in "\n".join(lines).split("\n\n") if block.strip()]


DECLARATION = re.compile(r"#define(?:[^\n\\]|\\\n)*|#[^\n]*|typedef[^;]*;|(?:enum|struct) \w+ \{.*?\};|COVE_API[^;]*;", re.S)


class Item:
    """Something declared: a `kind` (call, type, define), its text and its comment."""

    def __init__(self, kind, text, comment):
        self.kind, self.text, self.comment = kind, " ".join(text.split()) if kind == "call" else text, comment
        if kind == "call":
            found = re.fullmatch(r"COVE_API\s+(.*?)\s*\b(cove_\w+)\s*\((.*)\)\s*(?:COVE_PRINTF\(.*\))?\s*;", self.text)
            self.result, self.name = found[1].replace("* ", "*"), found[2]
            self.arguments = split_arguments(found[3])


def split_arguments(text):
    parts, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def take_comment(text, at):
    end = text.index("*/", at) + 2
    return text[at:end], end


def trailing_comment(text, at):
    """The comment that begins on the line on which a declaration ended, and where it ends."""
    found = re.compile(r"[ \t]*(?=/\*)").match(text, at)
    return take_comment(text, found.end()) if found else ("", at)


def read_header(name):
    """(the first comment's paragraphs, [(title, [(comment, items)])]): items under one comment, or a comment alone."""
    text = (HEADERS / name).read_text()
    about, at = take_comment(text, text.index("/*"))
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.S)
    text = text[: text.rindex("#endif")]
    at = text.index("*/") + 2
    sections = [("", [])]
    comment, joins = "", False  # whether the next declaration belongs to the current group
    while at < len(text):
        gap = re.compile(r"\s*").match(text, at)[0]
        at += len(gap)
        if gap.count("\n") > 1:
            if comment:
                sections[-1][1].append((comment, []))
            comment, joins = "", False
        if at == len(text):
            break
        if text.startswith("/*", at):
            comment, at = take_comment(text, at)
            joins = False
            title = re.search(r"---- (.*?) ----", comment)
            if title:
                rest = comment.replace(title[0], "", 1)
                sections.append((title[1], [(rest, [])] if paragraphs(rest) else []))
                comment = ""
            continue
        found = DECLARATION.match(text, at)
        if not found:
            raise SystemExit(f"{name}: cannot be read from here on: {text[at : at + 60]!r}")
        declared, at = found[0], found.end()
        after, at = trailing_comment(text, at)
        kind = {"COVE": "call", "#def": "define", "type": "typedef"}.get(declared[:4], "type")
        if (declared.startswith("#") and kind != "define") or re.fullmatch(r"#define COVE_\w+_H", declared):
            continue
        item = Item(kind, declared, after)
        if joins and kind in ("call", "typedef") and not comment:
            sections[-1][1][-1][1].append(item)
        else:
            sections[-1][1].append((comment, [item]))
        comment, joins = "", kind in ("call", "typedef")
    return paragraphs(about), sections


# ---- mdoc ----


def roff(text):
    """Words of a comment: names and constants set apart, nothing taken for a request."""
    text = text.replace("\\", "\\e")
    text = re.sub(r"`([^`]*)`", lambda m: ("\\fB%s\\fP" if m[1].startswith("cove_") else "\\fI%s\\fP") % m[1], text)
    text = re.sub(r"(?<![\w\\])(COVE_[A-Z0-9_]+…?|cove_\w+)(?![\w…])", r"\\fB\1\\fP", text)
    return text


def prose(text):
    """A paragraph, a sentence a line at least, as mdoc wants it."""
    out = []
    for sentence in re.split(r"(?<=[.!?])\s+|(?<=[.!?]\))\s+", roff(text)):
        wide = re.sub(r"[^\x00-\x7f]", lambda m: m[0] + "\0" * 7, sentence)  # mandoc counts it as eight characters
        for line in textwrap.wrap(wide, WIDTH, break_long_words=False, break_on_hyphens=False):
            line = line.replace("\0", "")
            out.append("\\&" + line if line[0] in ".'" else line)
    return "\n".join(out) + "\n"


def sentence(text):
    """What stands in a comment behind a declaration, as a sentence."""
    first = text.split(" ")[0]
    if re.fullmatch(r"[a-z]+[,:;]?", first) and first not in ("sizeof", "enum", "int", "read_file:"):
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."


def body(comment, after=""):
    """The paragraphs of a declaration's comments."""
    blocks = (paragraphs(comment) if comment else []) + ([sentence(" ".join(paragraphs(after)))] if after else [])
    return ".Pp\n".join(prose(block) for block in blocks)


def quoted(text):
    return f'"{text}"'


def argument_name(text):
    found = re.search(r"\(\*(\w+)\)", text) or re.search(r"(\w+)(?:\[\w*\])?$", text)
    return "" if text == "void" else found[1]


def synopsis(names):
    text = ".Sh SYNOPSIS\n" + "".join(f".In cove/{name}\n" for name in names)
    for call in calls(names):
        text += f".Ft {call.result}\n.Fo {call.name}\n" + "".join(f".Fa {quoted(a)}\n" for a in call.arguments) + ".Fc\n"
    return text


def calls(names):
    return [item for name in names for _, groups in read_header(name)[1] for _, items in groups for item in items if item.kind == "call"]


def fields(text):
    """(declaration, comment) of each field of a struct or enum."""
    inner = text[text.index("{") + 1 : text.rindex("}")]
    rows, lead, at = [], "", 0
    while True:
        gap = re.compile(r"\s*").match(inner, at)[0]
        at += len(gap)
        if at == len(inner):
            return rows
        if inner.startswith("/*", at):
            comment, at = take_comment(inner, at)
            if rows and "\n" not in gap and not lead:
                rows[-1] = (rows[-1][0], rows[-1][1] + comment)
            else:
                lead = comment
            continue
        end = re.compile(r"[^,/]*,?" if text.startswith("enum") else r"[^;]*;").match(inner, at).end()
        rows.append((" ".join(inner[at:end].rstrip(" ;,\n").split()), lead))
        lead, at = "", end


def type_item(comment, item):
    name = " ".join(item.text.split("{")[0].split())
    text = f".It Vt {name}\n" + body(comment)
    rows = fields(item.text)
    if not any(c for _, c in rows):  # names that speak for themselves
        text += "One of" if name.startswith("enum") else "Its fields are"
        return text + "\n" + ",\n".join("\\fB%s\\fP" % d for d, _ in rows) + ".\n"
    text += ".Bl -tag -width Ds\n"
    for declared, remark in rows:
        text += f".It Va {quoted(declared)}\n" + (prose(sentence(" ".join(paragraphs(remark.replace("*//*", " "))))) if remark else "")
    return text + ".El\n"


def head(item):
    if item.kind == "typedef":
        return f".It Vt {quoted(' '.join(item.text[8:-1].split()))}\n"
    names = " ".join(quoted(argument_name(a)) for a in item.arguments if a != "void")
    return f".It Fn {item.name} {names}".rstrip() + "\n"


def group_items(comment, items):
    """(prose before the list, items of the list)"""
    first = items[0]
    if first.kind == "type":
        return "", type_item(comment, first)
    if first.kind == "define":
        name = first.text.split()[1].split("(")[0]
        value = " ".join(first.text.split()[2:]) if "\\" not in first.text else ""
        return "", f".It Dv {name}\n" + (f"Is {value}.\n" if value else "Initialises the struct.\n") + body(comment, first.comment)
    items = [i for i in items if i.kind == "call" or "(*" in i.text]  # not opaque types
    if not items:
        return "", ""
    words = " ".join(paragraphs(comment))[:40] if comment else ""
    if len(items) > 1 and comment and (items[0].comment or words.startswith(ABOUT_ALL)):
        return body(comment), "".join(head(i) + body("", i.comment) for i in items)
    if items[0].kind == "typedef" and len(items) > 1:  # a callback and the call that it is for
        return "", head(items[0]) + head(items[1]) + body(comment, items[1].comment)
    return "", head(items[0]) + body(comment, items[0].comment) + "".join(head(i) + body("", i.comment) for i in items[1:])


def described(names):
    text = ""
    for name in names:
        for title, groups in read_header(name)[1]:
            blocks = []
            for comment, items in groups:
                before, made = group_items(comment, items) if items else (body(comment), "")
                if before:
                    blocks.append(before)
                if made and blocks and blocks[-1].startswith(".Bl"):
                    blocks[-1] += made
                elif made:
                    blocks.append(".Bl -tag -width Ds\n" + made)
            blocks = [b + ".El\n" if b.startswith(".Bl") else b for b in blocks]
            for i in range(1, len(blocks)):
                if not blocks[i].startswith(".Bl"):
                    blocks[i] = ".Pp\n" + blocks[i]
            if title:
                text += f".Ss {title[0].upper() + title[1:]}\n"
            text += "".join(blocks)
    return text


# ---- pages ----


def page(source):
    """(the text of the page, its other names)"""
    out, links = [], []
    for line in source.read_text().split("\n"):
        word, *names = line.split()[:1] + line.split()[1:] if line.startswith("@") else ["", ""]
        if word == "@synopsis":
            out.append(synopsis(names))
            links += [call.name for call in calls(names)]
        elif word == "@about":
            out.append(".Pp\n".join(prose(block) for block in read_header(names[0])[0]))
        elif word == "@calls":
            out.append(described(names))
        elif word == "@links":
            links += names
        else:
            out.append(line + "\n")
    return "".join(out).rstrip("\n") + "\n", links


def write_pages(folder):
    section = Path(folder) / "man3"
    section.mkdir(parents=True, exist_ok=True)
    for source in sorted((ROOT / "docs" / "man").glob("*.3.in")):
        text, links = page(source)
        (section / source.stem).write_text(text)
        for name in links:
            if name != source.stem[:-2]:
                (section / f"{name}.3").write_text(f".so man3/{source.stem}\n")


def main():
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        folder = Path(sys.argv[1])
        if folder.is_absolute() and os.environ.get("DESTDIR"):
            folder = Path(os.environ["DESTDIR"]) / folder.relative_to("/")
        elif "MESON_INSTALL_DESTDIR_PREFIX" in os.environ:
            folder = os.environ["MESON_INSTALL_DESTDIR_PREFIX"] / folder
        write_pages(folder)
        return 0
    print(__doc__.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

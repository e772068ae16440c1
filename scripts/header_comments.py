"""Reads the public headers: what they declare, and the sections of each comment."""
import re
import sys

# Marks in a comment, and the section that each opens.
LABELS = {
    "Returns": "RETURN VALUES",
    "Blocks": "BLOCKING AND CANCELLATION",
    "Cancellation": "BLOCKING AND CANCELLATION",
    "Threads": "THREADS",
    "Ownership": "OWNERSHIP",
    "Source": "STANDARDS",
}
LABEL = re.compile(r"(?:^|(?<=[.;] ))(%s): " % "|".join(LABELS))
TABLE_ROW = re.compile(r"^(\s+)([A-Z][A-Z0-9]+(?:, [A-Z0-9]+)*|other)\s{2,}(\S.*)$")


class Function:
    def __init__(self, declaration):
        flat = " ".join(re.sub(r"__attribute__\(\(.*\)\)", "", declaration).split())
        match = re.match(r"DURE_API (.*?)(dure_\w+)\((.*)\)\s*;$", flat)
        self.type, self.name = match.group(1).strip(), match.group(2)
        self.params = [] if match.group(3) == "void" else match.group(3).split(", ")
        self.param_names = [re.sub(r"\[.*", "", p).split("*")[-1].split()[-1] for p in self.params]


class Macro:
    def __init__(self, name, param):
        self.name, self.type, self.params, self.param_names = name, None, [param], [param]


class Entry:
    """A comment and what it speaks of."""

    def __init__(self, comment, header):
        self.comment, self.header, self.functions = comment, header, []


def comment_lines(comment):
    """The lines of a comment without its marks; what is indented more stays so."""
    lines = comment[2:-2].rstrip().split("\n")
    return [lines[0].strip()] + [re.sub(r"^ {3}", "", line).rstrip() for line in lines[1:]]


def read_header(path):
    """Returns the entries of a header. A comment holds up to the next empty line."""
    text = path.read_text()
    token = re.compile(r"/\*.*?\*/|^DURE_API[^;]*;|\n[ \t]*(?=\n)|"
                       r"^#define (DURE_\w+)\((\w+)\) DURE_STATEMENT", re.S | re.M)
    entries, entry = [], None
    for match in token.finditer(text):
        piece = match.group(0)
        if piece.startswith("/*"):
            entry = Entry(piece, path)
        elif piece.startswith("DURE_API"):
            if entry is None:
                sys.exit(f"{path}: no comment above {piece}")
            entry.functions.append(Function(piece))
        elif piece.startswith("#define"):
            entry.functions.append(Macro(match.group(1), match.group(2)))
        else:
            entry = None
        if entry and len(entry.functions) == 1:
            entries.append(entry)
    return entries


def shared_list(headers, begin):
    """The items of a list that a header's first comment gives for all that follow it."""
    for header in headers:
        text = re.search(re.escape(begin) + r"(.*?)(?:\n\s*\n|\*/)", header.read_text(), re.S)
        if text:
            items = re.split(r"\n\s*- ", text.group(1))[1:]
            items = [re.sub(r"^(E[A-Z]+) +", r"\1: ", item) for item in items]
            return [re.sub(r"[;.]$", "", " ".join(item.split())) for item in items]
    sys.exit(f"no header says '{begin}'")


def structure_fields(text, name):
    """Yields (declaration, comment) for each field of a structure of options."""
    body = re.search(r"typedef struct %s \{(.*?)^\}" % name, text, re.S | re.M).group(1)
    for match in re.finditer(r"^\s*([^;/]+);\s*/\*(.*?)\*/", body, re.S | re.M):
        yield match.group(1), " ".join(match.group(2).split())


def constants(text, name):
    """Yields (name, meaning) for each constant that the header gives for a structure of options."""
    before = text[:text.index(f"typedef struct {name} ")]
    both = re.compile(r"/\*((?:(?!\*/).)*)\*/\n#define (DURE_\w+) 0x|"
                      r"^#define (DURE_\w+(?:\(n\))?) [^\n]*?/\*(.*?)\*/", re.S | re.M)
    for match in both.finditer(before):
        yield (match.group(2) or match.group(3),
               " ".join((match.group(1) or match.group(4)).split()))


def cut(lines, params):
    """Returns {section: [block]}: ('text', str), ('param', names, str), ('row', name, str),
    ('code', [line])."""
    sections = {"DESCRIPTION": []}
    state = {"section": "DESCRIPTION", "block": None, "indent": None}
    any_param = "|".join(params) or "no parameter"
    param = re.compile(rf"(?:^|(?<=; ))((?:{any_param})(?:, (?:{any_param}))*): ")

    def add(kind, *what):
        block = [kind, *what]
        sections.setdefault(state["section"], []).append(block)
        state["block"] = block

    def prose(text):
        """Adds a line's text to the paragraph, opening sections at the marks in it."""
        position = 0
        for match in LABEL.finditer(text):
            words(text[position:match.start()])
            state["section"], state["block"] = LABELS[match.group(1)], None
            if match.group(1) in ("Blocks", "Cancellation"):
                add("label", match.group(1), "")
            position = match.end()
        words(text[position:])

    def words(text):
        position = 0
        if state["section"] == "DESCRIPTION":
            for match in param.finditer(text):
                tail(text[position:match.start()].rstrip("; "))
                add("param", match.group(1), "")
                position = match.end()
        tail(text[position:])

    def tail(text):
        if not text.strip():
            return
        if state["block"] is None:
            add("text", "")
        state["block"][-1] = (state["block"][-1] + " " + text.strip()).strip()

    blank = False
    for line in lines:
        row = TABLE_ROW.match(line)
        depth = len(line) - len(line.lstrip())
        if not line:
            blank, state["block"] = True, None
            continue
        if blank and depth >= 4:
            add("code", [])
        blank = False
        if state["block"] and state["block"][0] == "code":
            if depth >= 4:
                state["block"][1].append(line[4:])
                continue
            state["block"] = None
        if row:
            state["indent"] = len(row.group(1))
            add("row", row.group(2), row.group(3))
        elif state["block"] and state["block"][0] == "row" and depth > state["indent"]:
            tail(line)
        else:
            open_block = state["block"] or [None]
            if open_block[0] == "row" or (open_block[0] == "param" and depth == 0
                                          and re.search(r"[.:;]$", open_block[-1])):
                state["block"] = None
            prose(line.strip())
    return sections

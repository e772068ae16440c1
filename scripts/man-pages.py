#!/usr/bin/env python3
"""Makes the manual pages of section 3 from the comments of the public headers.

man-pages.py OUT DURE.7 HEADER...

A comment becomes one page, named after the first function that it speaks of; each
further function becomes a page that refers to that one. The comment's fixed shape
gives the sections: the first sentence is the page's line in NAME, and what stands
behind Returns, Blocks, Cancellation, Threads, Ownership and Source goes where the
reader of a manual looks for it. Date and version are those of DURE.7.
"""
import pathlib
import re
import sys
import textwrap

from header_comments import Macro, comment_lines, constants, cut, read_header, shared_list
from header_comments import structure_fields

# Twins of what the C library documents in section 3; the others stand in section 2.
SECTION_3 = {"closedir", "dirfd", "fdopendir", "fstatvfs", "futimens", "lockf", "mkfifo", "mkfifoat",
             "opendir", "posix_fallocate", "readdir", "remove", "rewinddir", "seekdir", "sleep",
             "statvfs", "tcdrain", "tcsetattr", "telldir", "usleep"}
# Names of parameters that are words of the language too: not marked in running text.
WORDS = {"scope", "options", "name", "address", "port", "request", "format", "deadline", "offset",
         "seconds", "value", "command", "path", "flags", "how", "level", "type", "domain",
         "protocol", "backlog", "remain", "operation", "mode"}


class Page:
    def __init__(self, entry, known):
        self.own = {f.name for f in entry.functions}
        self.known = known
        self.params = {p for f in entry.functions for p in f.param_names} - WORDS
        self.seen = set()
        self.out = []

    def line(self, text):
        self.out.append(text)

    def escape(self, word):
        word = word.replace("\\", "\\e")
        word = re.sub(r"(?<![\w])-(?=[\d<>I])", r"\\-", word)
        return "\\&" + word if word[0] in ".'" else word

    def upper(self, text):
        """A sentence begins with a capital, unless it is a name that begins it."""
        word = re.match(r"\w*", text).group(0)
        name = not word or "_" in word or self.macro(word) or text[len(word):].startswith("'s")
        return text if name else text[0].upper() + text[1:]

    def macro(self, word):
        """The macro for a word that has one, else None."""
        if word in self.own:
            return f"Fn {word}" if word.startswith("dure_") else f"Ic {word}"
        if word in self.known:
            self.seen.add(word)
            return f"Xr {word} 3"
        if re.fullmatch(r"E[A-Z0-9]{3,}", word):
            return f"Er {word}"
        if re.fullmatch(r"\$DURE_[A-Z_]+", word):
            return f"Ev {word[1:]}"
        if re.fullmatch(r"NULL|POLL[A-Z]+|SIG[A-Z0-9]+|(DURE|SO|TCP|F|O|INT64|CLOCK)_[A-Z0-9_]+",
                        word):
            return f"Dv {word}"
        if word in self.params or word == "errno":
            return f"{'Va' if word == 'errno' else 'Fa'} {word}"
        return None

    def prose(self, text):
        """Running text: a sentence a line, and a line for each word that has a macro."""
        line = []

        def flush():
            self.out += map(self.escape, textwrap.wrap(" ".join(line), 79, break_on_hyphens=False))
            line.clear()

        for word in re.findall(r"\(?`[^`]*`[.,;:)]*|\S+", text):
            quoted = re.fullmatch(r"(\(?)`([^`]*)`([.,;:)]*)", word)
            parts = quoted or re.fullmatch(r"([(\[]*)(.*?)('s|s|\(\))?([.,;:)\]!?]*)", word)
            if quoted:
                code = self.escape(quoted.group(2)).replace('"', "\\(dq")
                body, macro, possessive = "", f'Ql "{code}"', None
                before, after = quoted.group(1), quoted.group(3)
            else:
                before, body, possessive, after = parts.groups()
                macro = self.macro(body)
                if possessive == "s":
                    macro = None
            if macro:
                flush()
                if possessive == "()":
                    possessive = None
                ends = " ".join(after)
                tail = f" Ns {possessive}{after}" if possessive else f" {ends}" if ends else ""
                self.line("." + macro[:3] + f"{before} " * bool(before) + macro[3:] + tail)
            else:
                line.append(word)
                if re.search(r"[.?!]\)?$", word) and not word.endswith("..."):
                    flush()
        flush()

    def tagged(self, items, tag):
        self.line(".Bl -tag -width Ds")
        for name, text in items:
            self.line(f".It {tag} {name}" if tag else f".It {name}")
            self.prose(self.upper(re.sub(r"([^.])$", r"\1.", text)))
        self.line(".El")

    def blocks(self, blocks):
        kind = None
        for block in blocks:
            if kind in ("param", "row") and block[0] != kind:
                self.line(".El")
            if kind and block[0] in ("text", "label"):
                self.line(".Pp")
            if block[0] in ("param", "row") and block[0] != kind:
                self.line(".Bl -tag -width Ds")
            kind = block[0]
            if kind == "text":
                self.prose(self.upper(block[1]))
            elif kind == "label":
                self.line(f".Em {block[1]} :")
                self.prose(block[2])
            elif kind == "param":
                self.line(".It " + " , ".join(f"Fa {name}" for name in block[1].split(", ")))
                self.prose(self.upper(re.sub(r"([^.])$", r"\1.", block[2])))
            elif kind == "row":
                self.line(".It other" if block[1] == "other" else
                          ".It " + " , ".join(f"Er {name}" for name in block[1].split(", ")))
                self.prose(self.upper(block[2]))
            else:
                self.seen |= {name for name in re.findall(r"dure_\w+", "\n".join(block[1]))
                              if name in self.known - self.own}
                self.line(".Bd -literal -offset indent")
                self.out += [line.replace("\\", "\\e") or "" for line in block[1]]
                self.line(".Ed")
        if kind in ("param", "row"):
            self.line(".El")


def sentence_of(text):
    """The first sentence, up to its first colon: what stands in NAME."""
    first = re.split(r"(?<=[.:;]) ", text)[0].rstrip(".:;")
    return first[0].lower() + first[1:]


def synopsis(page, entry):
    page.line(".In dure.h")
    for function in entry.functions:
        if isinstance(function, Macro):
            page.line(f".Ic {function.name} Ns Pq Fa {function.params[0]}")
            page.line(".Ar statement")
            continue
        page.line(f".Ft \"{function.type}\"")
        page.line(f".Fo {function.name}")
        for param in function.params or ["void"]:
            page.line(f".Fa \"{param}\"")
        page.line(".Fc")


def options_of(entry):
    text = " ".join(p for f in entry.functions for p in f.params)
    return re.findall(r"const (dure_\w+_options) \*", text)


def of_constants(meaning):
    """A field's comment that only names a constant or two says less here than there."""
    if re.fullmatch(r"DURE_\w+( \| \.\.\.)?", meaning):
        return "Any of the constants below, or 0."
    if re.fullmatch(r"DURE_\w+, \.\.\.", meaning):
        return "One of the constants below."
    return meaning


def description_of_options(page, entry):
    text = entry.header.read_text()
    for name in dict.fromkeys(options_of(entry)):
        if f"typedef struct {name} " not in text:
            continue  # another header's, whose pages describe it
        page.line(".Pp")
        page.line("The options are the fields of")
        page.line(f".Vt {name} :")
        items = [(f'Va "{field}"', of_constants(meaning))
                 for field, meaning in structure_fields(text, name)]
        page.tagged(items, "")
        found = list(constants(text, name))
        if found:
            page.line(".Pp")
            page.line("The constants for them are:")
            page.tagged(found, "Dv")


def twins_of(entry, sections):
    """The calls that the page's functions follow, as [(name, section)]."""
    source = " ".join(block[1] for block in sections.get("STANDARDS", []))
    names = re.findall(r"\b[a-z][a-z0-9_]+\b", re.sub(r"each by its name|\band\b", "", source))
    if "by its name" in source:
        names = [function.name[len("dure_"):] for function in entry.functions]
    return [(name, "3" if name in SECTION_3 else "2") for name in names]


def name_twins(page, twins, end):
    for i, (name, section) in enumerate(twins):
        if i and i + 1 == len(twins):
            page.line("and")
        mark = end if i + 1 == len(twins) else "," if i + 2 < len(twins) else ""
        page.line(f".Xr {name} {section} {mark}".rstrip())


def twin_sections(page, entry, sections, twins, shared):
    """What a twin's comment leaves to the call that it follows and to the header's first comment.
    Returns (differences, values, errors), each a function that prints."""
    waits = any(block[0] == "label" and block[1] == "Cancellation"
                for block in sections.get("BLOCKING AND CANCELLATION", []))
    has_fd = any(re.fullmatch(r"fd|(in|out|listen)_fd", name)
                 for function in entry.functions for name in function.param_names)

    def differences():
        page.line(".Pp")
        many = len(entry.functions) > 1
        page.line("They take the arguments of" if many else "It takes the arguments of")
        name_twins(page, twins, "," if waits else ".")
        if waits:
            page.line("with these differences:")
            page.line(".Bl -bullet")
            for item in shared:
                if not re.match("E[A-Z]+:", item):
                    page.line(".It")
                    page.prose(page.upper(item) + ".")
            page.line(".El")

    def values():
        page.line("Those of")
        name_twins(page, twins, ".")

    def errors():
        page.line("Those of")
        name_twins(page, twins, "," if waits else ".")
        if waits:
            page.line("and:")
            page.line(".Bl -tag -width Ds")
            for item in shared:
                name, _, text = item.partition(": ")
                if re.fullmatch("E[A-Z]+", name) and (name != "EBADF" or has_fd):
                    page.line(f".It Er {name}")
                    page.prose(page.upper(text) + ".")
            page.line(".El")

    return differences, values, errors


def see_also(page, twins):
    items = twins + [(name, "3") for name in page.seen] + [("dure", "7")]
    items = sorted(set(items), key=lambda item: (item[1], item[0].lower()))
    for i, (name, section) in enumerate(items):
        page.line(f".Xr {name} {section}" + (" ," if i + 1 < len(items) else ""))


def head(page, entry, first_sentence, date, version):
    first = entry.functions[0]
    page.line(f'.\\" Made from {entry.header.parent.name}/{entry.header.name} by man-pages.py.')
    page.line(date)
    page.line(f".Dt {first.name.upper()} 3")
    page.line(f".Os {version}")
    page.line(".Sh NAME")
    for i, function in enumerate(entry.functions):
        page.line(f".Nm {function.name}" + (" ," if i + 1 < len(entry.functions) else ""))
    page.line(f".Nd {first_sentence}")
    page.line(".Sh LIBRARY")
    page.line("dure (libdure,")
    page.line(".Fl ldure )")
    page.line(".Sh SYNOPSIS")
    synopsis(page, entry)


def sections_of(entry):
    """The comment of an entry, cut into sections."""
    first = entry.functions[0]
    lines = comment_lines(entry.comment)
    if isinstance(first, Macro):
        lines[0] = re.sub(r"^DURE_\w+\(.*?\) statement: (.)",
                          lambda match: match.group(1).upper(), lines[0])
    params = sorted({p for f in entry.functions for p in f.param_names}, key=len, reverse=True)
    sections = cut(lines, [re.escape(p) for p in params])
    description = sections["DESCRIPTION"]
    if not description or description[0][0] != "text":
        sys.exit(f"{entry.header}: the comment of {first.name} does not begin with what it does")
    return sections


def values_before(blocks):
    """What is returned, ended as a sentence where a table of errors followed."""
    for block in blocks:
        block[-1] = re.sub(r"(, and|:)$", ".", re.sub(r"(with errno)$", r"\1 set.", block[-1]))
    return blocks


def write_page(entry, known, date, version, shared, classes):
    page = Page(entry, known)
    sections = sections_of(entry)
    returns = sections.get("RETURN VALUES", [])
    rows = next((i for i, block in enumerate(returns) if block[0] == "row"), len(returns))
    twins = twins_of(entry, sections)
    differences, values, errors = twin_sections(page, entry, sections, twins, shared)

    head(page, entry, sentence_of(sections["DESCRIPTION"][0][1]), date, version)
    page.line(".Sh DESCRIPTION")
    page.blocks(sections["DESCRIPTION"])
    description_of_options(page, entry)
    if twins and not returns:
        differences()
    for title in ("BLOCKING AND CANCELLATION", "THREADS", "OWNERSHIP"):
        if title in sections:
            page.line(f".Sh {title}")
            page.blocks(sections[title])
            if title.startswith("BLOCKING"):
                explain_classes(page, sections[title], classes)
    if returns or twins:
        page.line(".Sh RETURN VALUES")
        page.blocks(values_before(returns[:rows])) if returns else values()
    if returns[rows:] or twins and not returns:
        page.line(".Sh ERRORS")
        page.blocks(returns[rows:]) if returns else errors()
    page.line(".Sh SEE ALSO")
    see_also(page, twins)
    if "STANDARDS" in sections:
        page.line(".Sh STANDARDS")
        page.prose("Follows " + " ".join(block[1] for block in sections["STANDARDS"]))
    return "\n".join(page.out) + "\n"


def explain_classes(page, blocks, classes):
    text = " ".join(block[-1] for block in blocks if block[0] == "label")
    named = [item for item in classes if re.search(r"\b%s\b" % item.split(":")[0], text)]
    if not named:
        return
    page.line(".Pp")
    page.line("What")
    page.line(".Er ECANCELED")
    page.line("means by class:")
    page.tagged([tuple((item + ".").split(": ", 1)) for item in named], "Em")


def main():
    out, overview = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
    headers = [pathlib.Path(name) for name in sys.argv[3:]]
    date = re.search(r"^\.Dd .*$", overview, re.M).group(0)
    version = re.search(r"^\.Os (.*)$", overview, re.M).group(1)
    entries = [entry for header in headers for entry in read_header(header)]
    known = {f.name for entry in entries for f in entry.functions}
    differences = shared_list(headers, "with these\n   differences:")
    classes = shared_list(headers, "means in each:")
    for entry in entries:
        first = entry.functions[0].name
        (out / f"{first}.3").write_text(
            write_page(entry, known, date, version, differences, classes))
        for function in entry.functions[1:]:
            (out / f"{function.name}.3").write_text(f".so man3/{first}.3\n")


if __name__ == "__main__":
    main()

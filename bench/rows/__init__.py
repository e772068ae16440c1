"""What is measured: the table's sections, their rows, the contestants of each and what dure is to
reach. Nothing is run or read to say so: the papers ask for it on any machine."""

from rows import files, locks, memory, servers, tasks, timers

SECTIONS = (servers.echo, servers.connect, servers.http, tasks.tasks, tasks.channels, memory.memory,
            timers.timers, files.files, locks.locks, tasks.computation)


class Places:
    """Where the contestants are; each method makes one's command."""

    def __init__(self, build, scratch):
        self.build, self.scratch = build, scratch

    def floor(self, name, *args):
        return [f"{self.build}/bench/floor-{name}", *args]

    def dure(self, name, *args):
        return [f"{self.build}/bench/dure-{name}", *args]

    def micro(self, name, *args):
        return [f"{self.build}/bench/micro-{name}", *args]

    def load(self, name):
        return f"{self.build}/bench/{name}_load"

    def peer(self, peer, name, *args):
        return [f"{self.build}/bench/peers/peer-{peer}-{name}", *args]


def all_sections(build="build", scratch="/tmp"):
    """All sections, in the order of the table."""
    places = Places(build, scratch)
    return [make(places) for make in SECTIONS]


def all_rows(build="build", scratch="/tmp"):
    """Every row, in the same order."""
    return [row for section in all_sections(build, scratch) for row in section.rows]

"""Random reads of a file."""

from kinds import AtMost, FileReads, Section


def reads(at, name, title, bound, reference, *args):
    """Contestants at reading the same blocks of one file, 64 at a time."""
    args = (f"file={at.scratch}/file_read.data", *args)
    maker = at.dure("file_read", "reads=64", *(arg for arg in args if not arg.startswith("reads=")))
    return FileReads(maker, name, title, "us of CPU a read", {
        "floor io_uring": at.floor("file_read_uring", *args),
        "dure io_uring": at.dure("file_read", "backend=io_uring", *args),
        "dure epoll": at.dure("file_read", "backend=epoll", *args),
        "libuv": at.peer("libuv", "file_read", *args),
        "Go": at.peer("go", "file_read", *args),
        "tokio": at.peer("tokio", "file_read", *args),
    }, {"dure io_uring": AtMost(bound, (reference,))}, key="us", rounds_max=7)


def files(at):
    return Section("Files", (
        "Blocks of 4 KiB at random, 64 reads under way. libuv and tokio hand each to a thread; Go "
        "makes the call itself, and has another thread run the rest meanwhile. The cold file is "
        "read around the page cache."), [
        reads(at, "file-cached", "4 KiB read of a cached file", 1 / 3, "libuv",
              "reads=300000@30000", "size=256"),
        reads(at, "file-cold", "4 KiB read of the disk, 64 at once", 1.10, "floor io_uring",
              "cold=1", "reads=20000@3000", "size=1024"),
    ])

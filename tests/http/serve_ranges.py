"""Ranges and conditional requests."""

import re

from harness import BIG, SMALL, Reader, check, equal, get, test


@test
def single_ranges(top, server):
    for target, whole in (("/small.txt", SMALL), ("/middle.bin", BIG[:40000]), ("/big.bin", BIG)):
        n = len(whole)
        for text, first, last in (("0-0", 0, 0), ("0-9", 0, 9), ("5-", 5, n - 1), ("-7", n - 7, n - 1),
                                  (f"-{n * 2}", 0, n - 1), (f"{n - 1}-", n - 1, n - 1),
                                  (f"10-{n * 5}", 10, n - 1), ("0-99999999999999999999999", 0, n - 1)):
            a = get(server, target, "Range: bytes=" + text)
            equal((text, a.status), (text, 206))
            equal(a["Content-Range"], f"bytes {first}-{last}/{n}")
            check(a.body == whole[first:last + 1], target, text)


def parts_of(answer):
    boundary = re.match(r"multipart/byteranges; boundary=(\S+)$", answer["Content-Type"]).group(1)
    pieces = answer.body.split(b"--" + boundary.encode())
    equal(pieces[-1], b"--\r\n")
    parts = []
    for piece in pieces[1:-1]:
        head, body = piece[2:-2].split(b"\r\n\r\n", 1)
        check(b"Content-Type: " in head, head)
        found = re.search(rb"Content-Range: bytes (\d+)-(\d+)/(\d+)", head)
        parts.append((int(found.group(1)), int(found.group(2)), int(found.group(3)), body))
    return parts


@test
def multiple_ranges(top, server):
    for target, whole in (("/small.txt", SMALL), ("/middle.bin", BIG[:40000]), ("/big.bin", BIG)):
        n = len(whole)
        a = get(server, target, "Range: bytes=20-29, 0-4 ,-3,1-")
        equal(a.status, 206)
        equal(a["Content-Range"], f"bytes 0-{n - 1}/{n}")  # they overlap to the whole
        a = get(server, target, f"Range: bytes=20-29,, 0-4 ,-3,{n}-")
        equal([p[:3] for p in parts_of(a)], [(20, 29, n), (0, 4, n), (n - 3, n - 1, n)])
        for first, last, _, body in parts_of(a):
            check(body == whole[first:last + 1])
        a = get(server, target, "Range: bytes=0-9,5-14,100-109")
        equal([p[:2] for p in parts_of(a)], [(0, 14), (100, 109)])
        a = get(server, target, "Range: bytes=0-9,0-9")
        equal(a["Content-Range"], f"bytes 0-9/{n}")


@test
def ranges_not_satisfiable_or_not_understood(top, server):
    n = len(SMALL)
    for text in (f"{n}-", f"{n}-{n + 5}", "-0", f"{n}-,{n + 7}-"):
        a = get(server, "/small.txt", "Range: bytes=" + text)
        equal((text, a.status, a["Content-Range"]), (text, 416, f"bytes */{n}"))
    equal(get(server, "/empty.txt", "Range: bytes=0-").status, 416)
    for text in ("bytes=5-2", "bytes=a-b", "bytes=-", "bytes=", "lines=1-2", "bytes 0-1", "bytes=1",
                 "bytes=0-1;2", "bytes=0x1-2", "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 99, 2))):
        a = get(server, "/small.txt", "Range: " + text)
        equal((text, a.status, len(a.body)), (text, 200, n))
    equal(get(server, "/small.txt", "Range: bytes=0-1", method="HEAD").status, 200)


@test
def if_range(top, server):
    a = get(server, "/small.txt")
    for value, status in ((a["ETag"], 206), (a["Last-Modified"], 206), ('"other"', 200), ("W/" + a["ETag"], 200),
                          ("Sun, 06 Nov 1994 08:49:37 GMT", 200), ("nonsense", 200)):
        equal((value, get(server, "/small.txt", "Range: bytes=0-1", "If-Range: " + value).status),
              (value, status))


@test
def conditional_requests(top, server):
    a = get(server, "/small.txt")
    tag, date = a["ETag"], a["Last-Modified"]
    old, new = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 2100 23:59:59 GMT"
    for headers, status in (
            (["If-None-Match: " + tag], 304), (["If-None-Match: W/" + tag], 304), (["If-None-Match: *"], 304),
            (['If-None-Match: "a", ' + tag + ', "b"'], 304), (['If-None-Match: "a"'], 200),
            (["If-Modified-Since: " + date], 304), (["If-Modified-Since: " + new], 304),
            (["If-Modified-Since: " + old], 200), (["If-Modified-Since: nonsense"], 200),
            (['If-None-Match: "a"', "If-Modified-Since: " + date], 200),
            (["If-None-Match: " + tag, "If-Modified-Since: " + old], 304),
            (["If-Match: " + tag], 200), (["If-Match: *"], 200), (['If-Match: "a"'], 412),
            (["If-Match: W/" + tag], 412), (["If-Unmodified-Since: " + date], 200),
            (["If-Unmodified-Since: " + old], 412), (["If-Match: " + tag, "If-Unmodified-Since: " + old], 200),
            (["If-None-Match: " + tag, "Range: bytes=0-1"], 304),
            (["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"], 200),
            (["If-Modified-Since: Sun Nov  6 08:49:37 1994"], 200),
            (["If-Modified-Since: Friday, 31-Dec-49 23:59:59 GMT"], 304)):
        equal((headers, get(server, "/small.txt", *headers).status), (headers, status))
    with server.connect() as s:
        s.sendall(f"GET /small.txt HTTP/1.1\r\nHost: t\r\nIf-None-Match: {tag}\r\n"
                  "Connection: close\r\n\r\n".encode())
        r = Reader(s)
        a = r.answer()
        equal((a.status, a["ETag"], a["Content-Length"]), (304, tag, None))
        check(r.closed(), "a body after 304")

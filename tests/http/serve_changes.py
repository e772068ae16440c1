"""Files that change, and more files than the cache holds."""

import os
import time

from harness import Background, PAST_A_CHECK, Reader, check, equal, get, test, write


def change_a_file(server, path, size):
    target = b"/" + os.path.basename(path).encode()
    write(path, b"1" * size)
    with server.connect() as s:
        r = Reader(s)

        def now():
            s.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: t\r\n\r\n")
            return r.answer()

        check(now().body == b"1" * size, "as it was", size)
        write(path + ".new", b"22" * size)
        os.rename(path + ".new", path)
        time.sleep(PAST_A_CHECK)
        check(now().body == b"22" * size and now().body == b"22" * size, "replaced", size)
        with open(path, "r+b") as f:  # the same inode and size, possibly the same time
            f.write(b"3" * 50)
        time.sleep(PAST_A_CHECK)
        equal(now().body[:60], b"3" * 50 + b"2" * 10)
        os.unlink(path)
        time.sleep(PAST_A_CHECK)
        equal(now().status, 404)


@test
def change_of_a_cached_file_is_noticed(top, server):
    for worker in [Background(change_a_file, server, f"{top}/site/change-{size}", size)
                   for size in (100, 30000, 300000)]:
        worker.join()


@test
def file_truncated_while_cached(top, server):
    path = top + "/site/shrinks.bin"
    write(path, b"x" * 500000)
    equal(len(get(server, "/shrinks.bin").body), 500000)
    os.truncate(path, 1000)
    with server.connect() as s:
        s.sendall(b"GET /shrinks.bin HTTP/1.1\r\nHost: t\r\n\r\n")
        r = Reader(s)
        try:
            equal(len(r.answer().body), 1000)
        except AssertionError as error:
            check("closed in a body" in str(error), error)
    time.sleep(PAST_A_CHECK)
    equal(len(get(server, "/shrinks.bin").body), 1000)


@test
def more_files_than_the_cache_holds(top, server):
    for i in range(1200):
        write(f"{top}/site/many/{i}", b"%d" % i)
    with server.connect() as s:
        r = Reader(s)
        for _ in range(2):
            for i in range(1200):
                s.sendall(b"GET /many/%d HTTP/1.1\r\nHost: t\r\n\r\n" % i)
                equal(r.answer().body, b"%d" % i)


@test
def more_large_files_than_descriptors_kept(top, server):
    for i in range(140):
        write(f"{top}/site/large/{i}", (b"%04d" % i) * 20000)
    with server.connect() as s:
        r = Reader(s)
        for i in list(range(140)) + list(range(0, 140, 7)):
            s.sendall(b"GET /large/%d HTTP/1.1\r\nHost: t\r\n\r\n" % i)
            equal(r.answer().body[-4:], b"%04d" % i)
    held = [x for x in server.descriptors() if "/large/" in x]
    check(len(held) <= 129 * 2, held)  # two loops at most

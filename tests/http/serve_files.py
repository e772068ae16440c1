"""What is served: files, directories, ranges, conditions; and what must not be."""

import calendar
import hashlib
import html
import http.client
import os
import re
import time

import harness
from harness import PAST_A_CHECK, BIG, NASTY, SMALL, Reader, ask, check, equal, get, test, write


@test
def ready_line_tells_where(top, server):
    manner = r" with \d+ loops? on \w+" if harness.model == "tasks" else ", [a-z ]+(, 220 at once)?"
    check(re.match(r"serving .*site/ on http://127\.0\.0\.1:\d+/" + manner + r"; Ctrl-C ends it\n$",
                   server.ready_line), server.ready_line)


@test
def file_with_its_headers(top, server):
    a = get(server, "/small.txt")
    equal((a.status, a.version, a.body), (200, "HTTP/1.1", SMALL))
    equal(a["Content-Type"], "text/plain; charset=utf-8")
    equal(a["Server"], "dure")
    equal(a["Accept-Ranges"], "bytes")
    equal(a["Connection"], None)
    check(re.match(r'^"[^"]+"$', a["ETag"]), a["ETag"])
    for name in ("Date", "Last-Modified"):
        time.strptime(a[name], "%a, %d %b %Y %H:%M:%S GMT")
    stamp = os.stat(top + "/site/small.txt").st_mtime
    equal(a["Last-Modified"], time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(stamp)))


@test
def date_is_now_and_moves(top, server):
    dates = []
    for _ in range(2):
        shown = time.strptime(get(server, "/small.txt")["Date"], "%a, %d %b %Y %H:%M:%S GMT")
        dates.append(calendar.timegm(shown))
        check(abs(dates[-1] - time.time()) < 2, dates)
        time.sleep(1.1)
    check(dates[1] > dates[0], dates)


@test
def standard_client(top, server):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=8)
    for target, body in (("/", b"<p>front\n"), ("/small.txt", SMALL), ("/big.bin", BIG)):
        c.request("GET", target)
        r = c.getresponse()
        equal((r.status, hashlib.sha256(r.read()).hexdigest()),
              (200, hashlib.sha256(body).hexdigest()))
    c.close()


@test
def sizes_around_the_limits(top, server):
    for size in (0, 1, 8191, 8192, 8193, 32768, 65535, 65536, 65537, 200000):
        write(f"{top}/site/sizes/{size}", BIG[:size])
        a = get(server, f"/sizes/{size}")
        equal((a.status, len(a.body)), (200, size))
        check(a.body == BIG[:size], "contents differ at size", size)


@test
def index_and_directories(top, server):
    equal(get(server, "/").body, b"<p>front\n")
    equal(get(server, "/sub/").body, b"sub")
    equal(get(server, "/sub/")["Content-Type"], "text/html; charset=utf-8")
    a = get(server, "/sub")
    equal((a.status, a["Location"]), (301, "/sub/"))
    equal(get(server, "/sub?x=1")["Location"], "/sub/?x=1")
    equal(get(server, "//sub")["Location"], "/sub/")
    equal(get(server, "/%2e%2f/sub")["Location"], "/%2e%2f/sub/")
    equal(get(server, "/small.txt/").status, 404)


@test
def query_and_absolute_target(top, server):
    equal(get(server, "/small.txt?a=b").body, SMALL)
    equal(get(server, "http://test/small.txt").body, SMALL)
    equal(get(server, "http://test").body, b"<p>front\n")
    equal(get(server, "http://test?x").body, b"<p>front\n")
    equal(get(server, "*").status, 400)


@test
def head_has_no_body(top, server):
    for target in ("/small.txt", "/big.bin", "/", "/list/", "/nothing"):
        with server.connect() as s:
            s.sendall(f"HEAD {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
            r = Reader(s)
            a = r.answer(head=True)
            equal(a["Content-Length"], get(server, target)["Content-Length"])
            check(r.closed(), "a body after HEAD", target)


@test
def mime_types(top, server):
    for name, wanted in (("x.html", "text/html; charset=utf-8"), ("x.CSS", "text/css; charset=utf-8"),
                         ("x.js", "text/javascript; charset=utf-8"), ("x.svg", "image/svg+xml; charset=utf-8"),
                         ("x.png", "image/png"), ("x.woff2", "font/woff2"), ("x.wasm", "application/wasm"),
                         ("x.tar.gz", "application/gzip"), ("x", "application/octet-stream"),
                         ("x.unknown", "application/octet-stream")):
        write(f"{top}/site/types/{name}", b"x")
        equal(get(server, "/types/" + name)["Content-Type"], wanted)


@test
def listing_is_sorted_and_escaped(top, server):
    a = get(server, "/list/")
    equal((a.status, a["Content-Type"]), (200, "text/html; charset=utf-8"))
    page = a.body.decode()
    equal(re.findall(r'href="([^"]*)"', page), ["../", "./dir/", "./a.txt", "./b.txt"])
    check("../" not in re.findall(r'href="([^"]*)"', get(server, "/sizes/").body.decode())[1:])
    page = get(server, "/nasty/").body.decode()
    links = re.findall(r'<a href="\./([^"]*)">(.*?)</a>', page)
    equal(len(links), len(NASTY))
    check("<b>" not in page, page)
    for link, shown in links:
        check(re.match(r"^[A-Za-z0-9._~%-]+$", link), link)
        name = html.unescape(shown)
        check(name in NASTY, name)
        if "\\" not in name:  # a path with a backslash is refused
            equal(get(server, "/nasty/" + link).body, name.encode())


@test
def percent_decoding(top, server):
    equal(get(server, "/a%20b.html").body, b"space")
    equal(get(server, "/%73mall.tx%74").body, SMALL)
    equal(get(server, "/nasty/a%20b%2541.txt").body, b"a b%41.txt")
    equal(get(server, "/nasty/a%20b%41.txt").status, 404)
    for target in ("/%", "/%4", "/%zz", "/a%2", "/%00", "/small.txt%00.html", "/a%5Cb", "/%0d%0a"):
        equal((target, get(server, target).status), (target, 400))


TRAVERSALS = [
    "/../secret.txt", "/../../../../../../etc/passwd", "/sub/../../secret.txt",
    "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/.%2e/secret.txt",
    "/%252e%252e/secret.txt", "/..%252fsecret.txt", "/..%5csecret.txt", "/%c0%ae%c0%ae/secret.txt",
    "/%uff0e%uff0e/secret.txt", "/....//secret.txt", "/..;/secret.txt", "//../secret.txt",
    "/./../secret.txt", "/sub/%2e%2e/%2e%2e/secret.txt", "/..%00/secret.txt", "/%2e%2e%00/secret.txt",
    "/out-file", "/out-directory/secret.txt", "/out-directory/", "/out-absolute",
    "/out-prefix/secret.txt", "/out-prefix/", "/list/out-file", "/out-directory/site-secret/secret.txt",
    "/../site-secret/secret.txt", "http://test/../secret.txt", "/..", "/../", "/sub/../..", "/%2e%2e",
    "/etc/passwd", "//etc/passwd", "/proc/self/root/etc/passwd",
]


@test
def no_path_leaves_the_directory(top, server):
    for target in TRAVERSALS:
        a = get(server, target)
        check(a.status in (400, 403, 404), target, a.status, a.body)
        check(b"secret" not in a.body and b"root:" not in a.body, target, a.body)
    for raw in (b"/..\\secret.txt", b"/\xff\xfe", b"/..\x01/secret.txt"):
        a = ask(server, b"GET " + raw + b" HTTP/1.1\r\nHost: t\r\n\r\n")
        check(a.status in (400, 403, 404), raw, a.status)


@test
def links_inside_are_followed(top, server):
    equal(get(server, "/in-file").body, SMALL)
    equal(get(server, "/in-absolute").body, SMALL)
    equal(get(server, "/out-directory/site/small.txt").status in (200, 403), True)
    equal(get(server, "/loop").status, 404)
    check("out-" not in get(server, "/list/").body.decode())


@test
def link_swapped_while_cached(top, server):
    path = top + "/site/swap.txt"
    write(path, b"inside")
    equal(get(server, "/swap.txt").body, b"inside")
    os.unlink(path)
    os.symlink("../secret.txt", path)
    time.sleep(PAST_A_CHECK)
    equal(get(server, "/swap.txt").status, 403)


@test
def special_files_are_refused(top, server):
    equal(get(server, "/fifo").status, 403)


@test
def missing_and_unreadable(top, server):
    a = get(server, "/nothing")
    equal(a.status, 404)
    check(b"404" in a.body and a["Content-Type"].startswith("text/html"))
    equal(get(server, "/" + "x" * 300).status, 404)
    equal(get(server, "/x" * 3000).status, 404)
    if os.geteuid() != 0:
        write(top + "/site/closed.txt", b"x")
        os.chmod(top + "/site/closed.txt", 0)
        equal(get(server, "/closed.txt").status, 403)

"""The models: each hands out connections in its own way, within its bounds, and leaves nothing."""

import fcntl
import os
import re
import resource
import select
import signal
import subprocess
import sys
import termios

import harness
from harness import (BIG, SMALL, Background, Reader, Server, Skip, ask, check, equal, get, not_under,
                     only_under, test, wait_until)

ASK = b"GET /small.txt HTTP/1.1\r\nHost: t\r\n\r\n"
ASK_AND_GO = b"GET /small.txt HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
POOLS = ("preforked", "prethreaded")


def hold(server):
    """A connection that is being served: it has had an answer."""
    s = server.connect(timeout=20)
    s.sendall(ASK)
    r = Reader(s)
    equal(r.answer().body, SMALL)
    return r


def begin(server):
    """A connection in the middle of a request, seen by the server; END is the rest of it."""
    s = server.connect(timeout=20)
    s.sendall(b"GET /small.txt HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    r = Reader(s)
    equal(r.answer().status, 100)
    return r


END = b"end"


def is_answered(s):
    return bool(select.select([s], [], [], 0)[0])


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "XZ"  # its new parent may be slow
    except FileNotFoundError:
        return True


def skip_under_thread_sanitizer(own):
    with open(f"/proc/{own.process.pid}/maps") as f:
        if "libtsan" in f.read():
            raise Skip("ThreadSanitizer makes a thread of its own, now and then")


@test
def every_byte_under_every_model(top, server):
    wanted = {"/small.txt": SMALL, "/middle.bin": BIG[:40000], "/big.bin": BIG, "/empty.txt": b""}

    def client():
        for _ in range(10):
            for path, body in wanted.items():
                check(get(server, path, "Connection: close").body == body, path)

    for worker in [Background(client) for _ in range(8)]:
        worker.join()


@test
def at_most_so_many_at_once(top, server):
    """The bound is served, the one beyond it waits, and has its turn when a place is free."""
    bound = 1 if harness.model == "iterative" else 3
    with Server(top + "/site", *(["--workers", str(bound)] if bound > 1 else [])) as own:
        held = [hold(own) for _ in range(bound)]
        late = own.connect(timeout=20)
        late.sendall(ASK)
        for r in held * 20:
            r.s.sendall(ASK)
            equal(r.answer().body, SMALL)
        check(not is_answered(late), "served beyond the bound of", bound)
        held.pop().s.close()
        equal(Reader(late).answer().body, SMALL)
        for s in [late] + [r.s for r in held]:
            s.close()
        equal(own.stop(), (0, b"", b""))


@test
def stuck_client_holds_who_shares_its_worker(top, server):
    only_under("iterative", "tasks")
    with Server(top + "/site") as own:
        stuck = hold(own)
        stuck.s.sendall(b"GET / HTTP/1.1\r\nHo")  # seen or not: it is this one's turn
        other = own.connect(timeout=20)
        other.sendall(ASK)
        equal(Reader(other).answer().body, SMALL)
        if harness.model == "tasks":
            check(not is_answered(stuck.s))
        else:  # only after the limit on headers had ended the first
            equal(stuck.answer().status, 408)


@test
def as_many_processes_and_threads_as_the_model_says(top, server):
    not_under("tasks")
    count = 1 if harness.model == "iterative" else 20
    with Server(top + "/site", *(["--workers", "20"] if count > 1 else [])) as own:
        def extra():
            return len(own.children()), own.threads() - 1

        hold(own).s.close()
        at_rest = {"preforked": (20, 0), "prethreaded": (0, 20)}.get(harness.model, (0, 0))
        at_work = {"forking": (20, 0), "threaded": (0, 20)}.get(harness.model, at_rest)
        skip_under_thread_sanitizer(own)
        wait_until(lambda: extra() == at_rest)
        for _ in range(3):
            held = [hold(own) for _ in range(count)]
            equal(extra(), at_work)
            workers = own.children()
            for r in held:
                r.s.close()
            wait_until(lambda: extra() == at_rest)
            check(not any(is_gone(pid) for pid in own.children()), "a zombie")
        equal(own.stop(), (0, b"", b""))
        check(all(is_gone(pid) for pid in workers), "a process is left")


def waiting_bytes(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def read_lines(pipe):
    """Once it is full, so that those who write wait in the middle of it."""
    wait_until(lambda: waiting_bytes(pipe) > 40000)
    return pipe.read().decode().splitlines()


LINE = re.compile(r'^127\.0\.0\.1 - - \[[^]]*\] "GET /small\.txt HTTP/1\.1" 200 1040 "-" "x*"$')


@test
def log_lines_are_whole_and_all_there(top, server):
    with Server(top + "/site", log="-") as own:
        def client(number):
            request = b"GET /small.txt HTTP/1.1\r\nHost: t\r\nUser-Agent: %s\r\n\r\n" % (b"x" * 800)
            for _ in range(5):
                with own.connect() as s:
                    for _ in range(10):
                        s.sendall(request)
                        equal(Reader(s).answer().body, SMALL)

        lines = []
        reader = Background(lambda: lines.extend(read_lines(own.process.stdout)))
        for worker in [Background(client, n) for n in range(8)]:
            worker.join()
        own.process.send_signal(signal.SIGTERM)
        reader.join()
        equal(own.process.wait(timeout=20), 0)
        equal(len(lines), 8 * 5 * 10)
        check(all(LINE.match(line) for line in lines), "torn:", [x for x in lines if not LINE.match(x)][:1])


@test
def log_is_written_while_the_connection_lasts(top, server):
    with Server(top + "/site", log="-") as own:
        held = hold(own)
        check(select.select([own.process.stdout], [], [], 5)[0], "nothing was logged")
        held.s.sendall(ASK)
        equal(held.answer().body, SMALL)
        held.s.close()
        status, out, _ = own.stop()
        equal((status, out.count(b"\n")), (0, 2))


@test
def stop_under_load(top, server):
    for sig in (signal.SIGTERM, signal.SIGINT):
        with Server(top + "/site", log=top + "/load.log", start_new_session=True) as own:
            answered = []

            def client():
                try:
                    while True:
                        with own.connect() as s:
                            s.sendall(ASK_AND_GO)
                            r = Reader(s)
                            if not r.more():
                                return  # closed before it began
                            equal(r.answer().body, SMALL)
                            answered.append(1)
                except OSError:
                    pass  # refused, or reset in the listener's queue

            clients = [Background(client) for _ in range(8)]
            wait_until(lambda: len(answered) > 200)
            children = own.children()
            os.killpg(own.process.pid, sig)  # as a terminal's Ctrl-C
            out, err = own.process.communicate(timeout=20)
            equal((own.process.returncode, out, err), (0, b"", b""))
            for worker in clients:
                worker.join()
            check(all(is_gone(pid) for pid in children), "a process is left")
        with open(top + "/load.log") as f:
            lines = f.read().splitlines()
        os.remove(top + "/load.log")
        check(len(lines) >= len(answered), "answers", len(answered), "logged", len(lines))


@test
def request_under_way_is_finished_after_ctrl_c(top, server):
    with Server(top + "/site", start_new_session=True) as own:
        half = begin(own)
        waiting = half if harness.model == "iterative" else hold(own)
        os.killpg(own.process.pid, signal.SIGINT)
        if waiting is not half:
            check(waiting.closed(), "an idle connection stays")
        half.s.sendall(END)
        equal(half.answer().body, SMALL)
        check(half.closed(), "it stays after the stop")
        equal(own.process.wait(timeout=20), 0)


@test
def second_signal_ends_all_at_once(top, server):
    with Server(top + "/site") as own:
        half = begin(own)
        children = own.children()
        own.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not can_connect(own))
        own.process.send_signal(signal.SIGTERM)
        equal(own.process.wait(timeout=5), -signal.SIGTERM)
        check(half.closed())
        wait_until(lambda: all(is_gone(pid) for pid in children))


def can_connect(server):
    try:
        server.connect(timeout=1).close()
        return True
    except OSError:
        return False


@test
def processes_end_with_their_parent(top, server):
    only_under("forking", "preforked")
    with Server(top + "/site") as own:
        held = hold(own)
        children = own.children()
        check(len(children) > 0)
        own.process.kill()
        wait_until(lambda: all(is_gone(pid) for pid in children))
        check(held.closed())


@test
def crashed_process_is_replaced_and_told_of(top, server):
    only_under("forking", "preforked")
    with Server(top + "/site", "--workers", "2") as own:
        held = [hold(own), hold(own)]
        before = own.children()
        equal(len(before), 2)
        os.kill(before[0], signal.SIGKILL)
        if harness.model == "preforked":
            wait_until(lambda: len(own.children()) == 2 and before[0] not in own.children())
        equal(get(own, "/small.txt").body, SMALL)
        for r in held:
            r.s.close()
        status, _, err = own.stop()
        equal(status, 0)
        check(re.fullmatch(rf"dure: process {before[0]} died of signal 9 \(.*\)\n", err.decode()), err)


@test
def no_more_processes_or_threads_to_be_had(top, server):
    """With all that the system gives, the rest waits; it is said once."""
    only_under("forking", "preforked", "threaded", "prethreaded")
    if os.geteuid() != 0:
        raise Skip("only root can start a server whose user has nothing else")
    if subprocess.run(["test", "-r", top + "/site/small.txt"], user=65534).returncode != 0:
        raise Skip("nobody but root reads " + top)

    # The limit counts all processes of a user: one for each of these tests, which run side by side.
    user = 65000 + ("forking", "preforked", "threaded", "prethreaded").index(harness.model)

    def limit():
        resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))

    with Server(top + "/site", user=user, preexec_fn=limit) as own:
        skip_under_thread_sanitizer(own)
        held = [hold(own), hold(own)]
        late = own.connect(timeout=20)
        late.sendall(ASK)
        for r in held * 20:
            r.s.sendall(ASK)
            equal(r.answer().body, SMALL)
        check(not is_answered(late), "served by whom?")
        held.pop().s.close()
        equal(Reader(late).answer().body, SMALL)
        late.close()
        status, _, err = own.stop()
        equal(status, 0)
        check(re.fullmatch(rb"dure: no (process|thread) can be made beside 2 others: .*; connections wait\n",
                           err), err)

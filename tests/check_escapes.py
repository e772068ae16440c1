#!/usr/bin/env python3
"""Reads every source above the backends: none may call the C library for the time, a random
number, or anything of the world. All of that goes through the backend and its world, or a
simulated program would reach into the machine.

check_escapes.py ROOT

What has to make such a call all the same is listed with its reason; what is listed and makes none
is a fault too.
"""
import pathlib
import re
import sys

FOLDERS = ("src/base", "src/loop", "src/task", "src/pool", "src/posix", "src/sync",
           "src/inspect", "http", "cmd")
# What measures the machine itself, and is not to be simulated.
APART = ("cmd/compare",)

# By what they ask for or change.
CALLS = """
    clock_gettime clock_getres clock_nanosleep gettimeofday nanosleep usleep sleep time ftime times
    localtime localtime_r mktime timespec_get
    getrandom getentropy random rand rand_r srandom drand48 arc4random
    getenv secure_getenv
    read write readv writev pread pwrite preadv pwritev preadv2 pwritev2 open openat creat close
    dup dup2 dup3 fcntl ioctl lseek pipe pipe2 isatty
    fopen freopen fdopen tmpfile mkstemp mkostemp mkdtemp
    stat fstat lstat fstatat statx statvfs fstatvfs access faccessat readlink readlinkat realpath
    opendir fdopendir scandir getdents64 getcwd chdir
    mkdir mkdirat mknod mknodat mkfifo link linkat symlink symlinkat unlink unlinkat rmdir remove
    rename renameat renameat2 umask
    chmod fchmod fchmodat chown fchown lchown fchownat utimensat futimens truncate ftruncate
    fallocate posix_fallocate fsync fdatasync sync syncfs sync_file_range copy_file_range
    sendfile splice tee vmsplice flock lockf
    socket socketpair bind listen accept accept4 connect shutdown send recv sendto recvfrom sendmsg
    recvmsg sendmmsg recvmmsg setsockopt getsockopt getsockname getpeername
    getaddrinfo getnameinfo gethostname
    poll ppoll select pselect epoll_create1 epoll_ctl epoll_wait epoll_pwait
    eventfd signalfd timerfd_create memfd_create pidfd_open inotify_init1
    sigwait sigwaitinfo sigtimedwait
    fork vfork execve execvp posix_spawn posix_spawnp system popen wait waitpid waitid
    tcdrain tcflush tcgetattr tcsetattr syscall
""".split()

# Where a simulated task never comes, or what it does there is the process's own business.
THREADS = "a plain thread's world is the kernel's, and its sleep and wake are of the kernel"
NUMBERS = "what is known of the kernel's numbers; a simulated one never comes here"
PLAIN = "outside of tasks and scopes a twin is the plain call"
PROGRAMS = "programs are the machine's; their start is refused in a simulation"
WORDS = "last words, when nothing else can be trusted"
EXCEPTIONS = {
    "cmd/models/children.c": ("fork waitpid", "servers of processes are no simulated programs"),
    "cmd/models/stop.c": ("shutdown", "in a signal's handler, which a simulation has none of"),
    "src/base/assert.c": ("write", WORDS),
    "src/base/descriptors.c": ("fcntl ioctl", NUMBERS),
    "src/base/text.c": ("write poll", "a dump goes to where its caller says, now"),
    "src/inspect/dump.c": ("clock_gettime", "the clock of a thread outside of any run"),
    "src/loop/close.c": ("close dup3 fcntl fstat getsockopt open", NUMBERS),
    "src/loop/offload.c": ("fstatat", "for the pool's threads, which a simulation has none of"),
    "src/loop/options.c": ("fopen getenv", "how many processors there are, before a run"),
    "src/loop/signals.c": ("close signalfd sigtimedwait", "signals are the process's, and not simulated"),
    "src/loop/sim_run.c": ("clock_gettime fopen fork waitpid",
                           "around worlds: their trace, a fresh seed, a process each"),
    "src/loop/simulated.c": ("nanosleep", "a world waits for its plain threads"),
    "src/loop/thread_io.c": ("fcntl getsockopt setsockopt writev", THREADS),
    "src/loop/watch.c": ("close eventfd poll read signalfd sigtimedwait write",
                         "the thread that watches for signals; a simulation has none"),
    "src/pool/pool.c": ("clock_gettime syscall", "the pool's threads; a simulation has none"),
    "src/posix/names.c": ("getaddrinfo getnameinfo", "on threads, which a simulation has none of"),
    "src/posix/file.c": ("sendfile", "an error that the kernel chooses"),
    "src/posix/poll.c": ("poll ppoll", PLAIN),
    "src/posix/process_join.c": ("syscall", "threads are the kernel's"),
    "src/posix/process_reap.c": ("syscall waitid", PROGRAMS),
    "src/posix/process_shell.c": ("close system", PROGRAMS),
    "src/posix/process_start.c": ("access posix_spawnp syscall", PROGRAMS),
    "src/posix/process_streams.c": ("close fcntl", PROGRAMS),
    "src/posix/process_wait.c": ("close eventfd fcntl fopen syscall waitid waitpid write", PROGRAMS),
    "src/posix/select.c": ("pselect select",
                           PLAIN),
    "src/posix/signal.c": ("close signalfd sigtimedwait sigwait sigwaitinfo",
                           "a plain thread's wait for the kernel's signals"),
    "src/posix/splice.c": ("fcntl splice tee", "refused in a simulation"),
    "src/posix/time.c": ("nanosleep sleep usleep", PLAIN),
    "src/posix/tty.c": ("ioctl tcdrain tcsetattr", "ttys are not simulated"),
    "src/sync/choose_poll.c": ("poll", THREADS),
    "src/sync/choose_signal.c": ("close signalfd", THREADS),
    "src/task/alive.c": ("clock_gettime", "the clock of a thread outside of any run"),
    "src/task/overflow.c": ("write", WORDS),
    "src/task/slab.c": ("fopen getenv syscall", "how this kernel guards stacks, asked once"),
    "src/task/thread.c": ("close eventfd poll ppoll read syscall write", THREADS),
}

COMMENT = re.compile(r"/\*.*?\*/", re.S)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
# Not a member, nor part of a name; a call through a table has an arrow before it.
CALL = re.compile(rf"(?<![\w.>])({'|'.join(CALLS)})\s*\(")


def code_of(path):
    """The text without comments and strings; lines stay where they are."""
    text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())
    return STRING.sub('""', text)


def calls_of(path):
    """What is called where: pairs of a line and a name. Macros count where they are written."""
    for number, line in enumerate(code_of(path).split("\n"), 1):
        for name in CALL.findall(line):
            yield number, name


def faults_of(path, name):
    allowed = set(EXCEPTIONS.get(name, ("", ""))[0].split())
    met = set()
    for line, call in calls_of(path):
        met.add(call)
        if call not in allowed:
            yield f"{name}:{line}: {call} reaches past the world; use its twin, or the world's"
    for call in sorted(allowed - met):
        yield f"{name}: is excepted for {call}, and does not call it"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    sources = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.[ch]"))]
    names = {str(path.relative_to(root)): path for path in sources}
    names = {name: path for name, path in names.items() if not name.startswith(APART)}
    faults = [fault for name, path in names.items() for fault in faults_of(path, name)]
    faults += [f"{name}: is excepted, and is not there" for name in EXCEPTIONS if name not in names]
    for fault in faults:
        print(fault)
    print(f"read the calls of {len(names)} files: {len(faults)} faults")
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())

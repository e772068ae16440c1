#!/usr/bin/env python3
"""Plants faults in a copy of the library, one at a time, and sees whether the simulated
properties find them.

mutants.py ROOT WORK [NAME]

WORK is a directory for the copy and its build. Fails if a mutant survives, or if the
text that it replaces is no longer there.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

SEEDS = 300
SECONDS = 120

# name: file, what is there, what takes its place.
MUTANTS = {
    "a wake-up is dropped": (
        "src/task/waiter.h",
        "        task_ready(task);",
        "        static unsigned n;\n"
        "        if (++n % 50)\n            task_ready(task);"),
    "a completion is dropped": (
        "src/backend/sim/sim.c",
        "    op->done(op);",
        "    if (sim_draw(50))\n        op->done(op);"),
    "a cancel is ignored": (
        "src/loop/io.c",
        "    backend->ops->cancel(backend, &io->op);",
        "    (void)backend;"),
    "an operation is let go of early": (
        "src/loop/io.c",
        "    backend->ops->cancel(backend, &io->op);",
        "    backend->ops->cancel(backend, &io->op);\n"
        "    if (wait->task->state == TASK_PARKED)\n        task_ready(wait->task);"),
    "a completion is delivered twice": (
        "src/backend/sim/sim.c",
        "    op->done(op);",
        "    op->done(op);\n    if (!sim_draw(50))\n        op->done(op);"),
    "a cancelled read has taken its bytes": (
        "src/loop/io.c",
        "    if (unlikely(result == -ECANCELED))\n        flow_feel(&sched->current->flow);\n"
        "    return result;\n}\n\nint64_t io_run_on_thread",
        "    if (result > 0 && (io->op.flags & OP_CANCEL_ASKED))\n        result = -ECANCELED;\n"
        "    if (unlikely(result == -ECANCELED))\n        flow_feel(&sched->current->flow);\n"
        "    return result;\n}\n\nint64_t io_run_on_thread"),
    "a timer fires early": (
        "src/base/timers.c",
        "        if (timer->at_ns > now_ns)\n            break;",
        "        if (timer->at_ns > now_ns + 15000)\n            break;"),
    "a limit is one too high": (
        "src/task/limit.c",
        "    while (scope->live < scope->live_max &&",
        "    while (scope->live <= scope->live_max &&"),
    "a sync tells before the disk has it": (
        "src/backend/sim/disk_file.c",
        "    else\n        inode_sync(inode);",
        "    else if (sim_draw(20))\n        inode_sync(inode);"),
    "a sync tells before the disk has the attributes": (
        "src/backend/sim/disk_file.c",
        "    if (!data_only)\n        inode->durable",
        "    if (!data_only && sim_draw(2))\n        inode->durable"),
    "a crash empties a directory that was moved": (
        "src/backend/sim/disk.c",
        "            if (is_dir && entry->inode->links == 0)\n",
        "            if (is_dir)\n"),
    "an unlock tells nobody": (
        "src/backend/sim/disk_lock.c",
        "    if (changed)\n        wake(",
        "    if (changed && sim_draw(4))\n        wake("),
    "a descriptor in flight is nobody's": (
        "src/backend/sim/rights.c",
        "        sim_file_hold(file);",
        "        if (sim_draw(10))\n            sim_file_hold(file);"),
    "a message that nobody takes keeps its descriptors": (
        "src/backend/sim/rights.c",
        "    while (rights->len > 0)",
        "    while (rights->len > 0 && sim_draw(10))"),
    "a message has room where there is none": (
        "src/backend/sim/local.c",
        "        return to->parcels_len == 0 ||",
        "        return to->parcels_len % 5 == 0 ? (*len /= 2, true) : to->parcels_len == 0 ||"),
    "a counter forgets a number": (
        "src/backend/sim/counter.c",
        "    counter->count += added;",
        "    counter->count += sim_draw(20) ? added : 0;"),
    "a timer counts once too often": (
        "src/backend/sim/timer.c",
        "    times += (uint64_t)((sim_now() - timer->next_ns)",
        "    times += (uint64_t)((sim_now() + 100000 - timer->next_ns)"),
    "a name is found though nobody answered": (
        "src/loop/simulated.c",
        "    return -EAGAIN;\n}",
        "    return sim_draw(3) ? -EAGAIN : 0;\n}"),
    "a crash leaves a socket": (
        "src/backend/sim/local.c",
        "    local_unbind(s);\n",
        "    if (!crashed)\n        local_unbind(s);\n"),
    "a choice forgets what it was granted": (
        "src/sync/choose.c",
        "        if (node->granted)\n            won = (int)i;",
        "        if (node->granted && i)\n            won = (int)i;"),
    "a choice takes effect twice": (
        "src/sync/queue.h",
        "           !atomic_exchange_explicit(&wait->claimed, 1, memory_order_acq_rel);",
        "           atomic_exchange_explicit(&wait->claimed, 1, memory_order_acq_rel) < 2;"),
    "a callback is told twice": (
        "src/loop/operation.c",
        "    operation->told(operation);",
        "    operation->told(operation);\n"
        "    static unsigned n;\n"
        "    if (++n % 20 == 0)\n        operation->told(operation);"),
    "an operation that was told stays counted": (
        "src/task/dependent.c",
        "    scope->dependents_live--;",
        "    static unsigned n;\n    if (++n % 20)\n        scope->dependents_live--;"),
    "an operation is counted out before it is told": (
        "src/loop/operation.c",
        "    dependent_unlink(&operation->dependent);",
        "    dependent_unlink(&operation->dependent);\n"
        "    dependent_left(scope);\n    scope->dependents_live++;"),
    "an operation's cancel is forgotten": (
        "src/loop/operation.c",
        "    operation->op.flags |= OP_CANCEL_ASKED;",
        "    static unsigned n;\n    if (++n % 5 == 0)\n        return;\n"
        "    operation->op.flags |= OP_CANCEL_ASKED;"),
    "a loop sleeps though operations have ended": (
        "src/loop/simulated.c",
        "!list_empty(&loop->ended) ||",
        "false ||"),
    "a future tells one of those who wait": (
        "src/sync/future.c",
        "    all = sync_queue_take_all(&future->queue);",
        "    all = sync_queue_take(&future->queue);\n    if (all)\n        all->next = NULL;"),
}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def build(work):
    result = run("ninja", "-C", work / "build", "tests/sim-properties")
    if result.returncode != 0:
        sys.exit(result.stdout)


def copy_tree(root, work):
    shutil.rmtree(work, ignore_errors=True)
    listed = run("git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.stdout.splitlines():
        target = work / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    result = run("meson", "setup", "-Dtests=enabled", work / "build", work / "tree")
    if result.returncode != 0:
        sys.exit(result.stdout)


def properties(work):
    """True if all seeds are good. Ended at the first that is not: what a broken library says
    may have no end."""
    command = [work / "build/tests/sim-properties", f"--seeds={SEEDS}", "--jobs=2"]
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               start_new_session=True)
    deadline = threading.Timer(SECONDS, lambda: os.killpg(program.pid, signal.SIGKILL))
    deadline.start()
    for line in program.stderr:
        if b"FAILED, replay" in line or b" failed: " in line:
            break
    else:
        deadline.cancel()
        return program.wait() == 0
    deadline.cancel()
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    return False


def is_seen(work, path, there, planted):
    source = work / "tree" / path
    text = source.read_text()
    if text.count(there) != 1:
        print(f"{path} holds this {text.count(there)} times, not once:\n{there}")
        return False
    source.write_text(text.replace(there, planted))
    build(work)
    good = properties(work)
    source.write_text(text)
    return not good


def main():
    root, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    copy_tree(root, work)
    build(work)
    if not properties(work):
        sys.exit("the properties fail without any mutant")
    missed = 0
    for name, (path, there, planted) in MUTANTS.items():
        if wanted not in name:
            continue
        seen = is_seen(work, path, there, planted)
        missed += not seen
        print(f"{'seen' if seen else 'MISSED'}: {name}", flush=True)
    sys.exit(1 if missed else 0)


main()

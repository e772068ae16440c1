/* The simulation: a seeded world in memory for programs that use only dure's
   calls, with a virtual clock, hosts, a network and disks that fail.

       static int world(void *arg)
       {
           int a = dure_sim_host_add("a", "10.0.0.1");
           int b = dure_sim_host_add("b", "10.0.0.2");

           dure_sim_start(a, server, NULL, 0);
           dure_sim_start(b, client, NULL, 0);
           dure_sleep_for(5 * DURE_SECOND);
           dure_sim_partition(a, b);
           ...
       }

       int main(int argc, char **argv)
       {
           return dure_sim_main(argc, argv, NULL, world, NULL);
       }

   Everything happens on one thread, in an order that the seed decides: the same
   seed gives the same run. Each host has descriptors, ports and files of its
   own. The test program itself lives on host 0, which never crashes.
   A descriptor of the simulation is a number that no real call knows: EBADF.
   They begin at 512, so that sets of dure_select have room for them.

   There are TCP, UDP, AF_UNIX sockets of all kinds with names, paths and passed
   descriptors, pipes, counters (dure_eventfd), timers (dure_timerfd_create),
   files and directories. Signals, processes, terminals and inotify are not
   there: ENOSYS, with words. AF_UNIX sockets are between programs of one host,
   and pass at once; their paths lead to the host's files, where a crash leaves
   those that were synced.

   Names: dure_getaddrinfo knows each host by the name that it was added with,
   and "localhost"; services by number and some by name (echo, ssh, smtp, domain,
   http, ntp, https and such). It gives one address, as a host has one. A host
   asks a name server on host 0, which takes as long as the network does; when it
   is cut off from there, or packets get lost, it asks again after 5 s, and then
   gives up: EAI_AGAIN. What is no host's name is EAI_NONAME. Numeric addresses,
   "localhost" and its own name a host knows without asking.

   A host's disk is a filesystem as POSIX has it, with the root, /tmp, and what the
   programs make; they are privileged, and a host is one process where that counts:
   for its umask and POSIX locks. A crash leaves of it
   - of what a file holds, all that a dure_fsync or dure_fdatasync of it covered;
     of each later write all, nothing, or a part;
   - of its attributes (permissions, owner, times) those of its last dure_fsync,
     or those it had last;
   - of names, links of both kinds among them, all changes up to the last in a
     directory that was synced, and of later ones the first few, in their order;
   - of locks none. dure_syncfs and dure_sync cover all of the disk. */
#ifndef DURE_SIM_H
#define DURE_SIM_H

#include <dure/base.h>
#include <dure/run.h>

DURE_BEGIN_DECLS

/* What a world is like. Chances are in a million; 0 is never. */
typedef struct dure_sim_options {
    unsigned loops;          /* event loops; 0: 2 */
    int64_t latency_min_ns;  /* a packet's way between two hosts; 0: 50 us */
    int64_t latency_max_ns;  /* 0: 2 ms */
    int64_t disk_min_ns;     /* a disk's answer; 0: 20 us */
    int64_t disk_max_ns;     /* 0: 1 ms */
    unsigned loss_ppm;       /* datagrams that are lost */
    unsigned duplicate_ppm;  /* datagrams that come twice */
    unsigned disk_error_ppm; /* reads and writes of files that fail with EIO */
    unsigned disk_short_ppm; /* reads and writes of files that move less than they could */
    unsigned sync_error_ppm; /* syncs that fail with EIO */
    uint64_t disk_size;      /* bytes that the files of a host may hold, beyond them ENOSPC;
                                0: no bound */
    uint64_t turns_max;      /* the run is given up after so many turns; 0: 100,000,000 */
    const char *trace;       /* a file that gets each event as a line; NULL: none */
} dure_sim_options;

/* Runs fn as the first task of a simulated world, as dure_run does of the real
   one. Global variables are the process's: whoever runs several seeds gives each
   a process, as dure_sim_main does.
   seed: any number; options: NULL for the plain world.
   Returns: what fn returned; -1 with errno as dure_run, and
     EDEADLK   nothing could ever happen again; every task had its calls cancelled.
     ETIME     turns_max turns were not enough.
     EIO       the trace cannot be written.
   Blocks: the thread. Threads: any that is not in a run. */
DURE_API int dure_sim_run(uint64_t seed, const dure_sim_options *options, dure_fn *fn, void *arg);

/* Runs a program's world for many seeds, each in a process of its own, as its
   arguments say:
     --seeds=N     so many seeds (1)
     --from=SEED   the first of them (1; "fresh": of the clock, printed)
     --seed=SEED   this one alone, in this very process
     --trace=FILE  what happens, as lines; with --seed
     --jobs=N      so many at once (as many as there are processors)
   For each seed that fails, one line on standard error replays it.
   Returns: 0 if all were good, 1 if one failed, 2 if an argument is wrong.
   Blocks: the thread. Threads: the main one, outside a run. */
DURE_API int dure_sim_main(int argc, char **argv, const dure_sim_options *options, dure_fn *fn,
                           void *arg);

/* Adds a host.
   name: for the trace, the dump and dure_getaddrinfo, copied, at most 31 bytes of
     it; address: numeric, IPv4 or IPv6.
   Returns: its number, from 1, or -1 with errno
     EINVAL      no such address. EADDRINUSE  another host has it.
     EMFILE, ENOMEM  too many hosts, no memory. EPERM  no simulation runs.
   Blocks: never. Threads: tasks of the simulation. */
DURE_API int dure_sim_host_add(const char *name, const char *address);

/* Starts a program on a host, which is up from then on: a task with fn, whose
   own tasks, those of dure_go included, are the host's too.
   host: its number; fn, arg, len: as dure_spawn.
   Returns: 0, or -1 with errno as dure_spawn, and EINVAL for no such host.
   Blocks: never. Threads: tasks of the simulation. */
DURE_API int dure_sim_start(int host, dure_fn *fn, const void *arg, size_t len);

/* Crashes a host: its descriptors are gone, and nobody is told; its files keep what was
   synced, and of the rest some writes, torn at any byte, and some changes of
   names. Its tasks are cancelled; nothing that they still do reaches the world.
   Returns: 0, or -1 with errno EINVAL for no such host, or host 0.
   Blocks: never. Threads: tasks of the simulation. */
DURE_API int dure_sim_crash(int host);

/* Waits until no task of a host is left: it ended, or crashed.
   Returns: 0, or -1 with errno EINVAL, or ECANCELED when a scope ended.
   Blocks: the task. Cancellation: exact. Threads: tasks of the simulation. */
DURE_API int dure_sim_wait(int host);

/* Cuts two hosts off from each other: what is under way is lost, and streams
   send it again until they give up, after some quarter of an hour.
   Returns: 0, or -1 with errno EINVAL for no such pair, ENOMEM.
   Blocks: never. Threads: tasks of the simulation. */
DURE_API int dure_sim_partition(int host, int other);
/* Ends a partition. Otherwise as dure_sim_partition. */
DURE_API int dure_sim_heal(int host, int other);

/* Makes descriptors run out: the n-th call from now on that makes one on this
   host fails with EMFILE.
   nth: from 1; 0: none will. lasting: non-zero for each later one too.
   Returns: 0, or -1 with errno EINVAL for no such host.
   Blocks: never. Threads: tasks of the simulation. */
DURE_API int dure_sim_fail_descriptors(int host, unsigned nth, int lasting);
/* The same for memory: ENOMEM or ENOBUFS. Otherwise as dure_sim_fail_descriptors. */
DURE_API int dure_sim_fail_memory(int host, unsigned nth, int lasting);

/* Draws a number of the seed, for the test program's own decisions.
   bound: 1 or more. Returns: a number below it.
   Blocks: never. Threads: tasks of the simulation. */
DURE_API unsigned dure_sim_draw(unsigned bound);

/* Tells the trace so far: equal for equal seeds, of one build.
   Returns: a hash of all that has happened; after the run, of its whole.
   Blocks: never. Threads: that of the run. */
DURE_API uint64_t dure_sim_hash(void);
/* Counts what has happened.
   Returns: the number of events in the trace.
   Blocks: never. Threads: that of the run. */
DURE_API uint64_t dure_sim_events(void);

DURE_END_DECLS

#endif

/* Children: who is to have their end, and how they are started.

   The kernel gives a child's end to whoever asks first. Here all who ask do so under one lock
   (process_reap.c), and a register says who has a claim: a wait for any child that comes upon a
   claimed one takes its end all the same, so that it is out of the way, and hands it over. */
#ifndef DURE_SRC_POSIX_PROCESS_H
#define DURE_SRC_POSIX_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "base/list.h"

/* --- process_reap.c: one reaper --- */

/* A claim on a child's end. */
struct child {
    struct list link; /* in the register; the lock guards it and the next five */
    bool listed;
    bool owned;       /* ours (a command's, a shell's): it has a copy whoever takes the end.
                         Else somebody waits for it: one of those gets it */
    bool ended;       /* info tells how, or error that nobody can */
    bool kills_group; /* what is left of its group when it has ended goes too */
    int error;
    pid_t pid;
    int pidfd; /* -1: none could be had */
    siginfo_t info;
};

/* A child that is being started: its number is not known yet, and it may end before it is. */
struct starting {
    struct list link;
    uint64_t serial;
};

/* Before a child is made, and after: child gets pid and its claim; NULL if there is none. */
void child_starting(struct starting *starting);
void child_started(struct starting *starting, struct child *child);
/* Gives up the claim. */
void child_release(struct child *child);
/* Takes its end if it has come. Returns true once it has ended. */
bool child_look(struct child *child);
/* Signals the child; group: its group. Returns 0, -ESRCH when it has ended, or -errno. */
int child_signal(struct child *child, int number, bool group);
/* From now on what is left of its group when it has ended is killed. */
void child_kill_group(struct child *child);

/* A call of waitid. */
struct reap {
    idtype_t idtype;
    id_t id;
    int options;
    siginfo_t info;
    struct child claim;
    pid_t suspect;           /* an end that may be of a child which is being started, */
    uint64_t suspect_serial; /* one of those up to here */
    uint32_t starts_seen;
};

/* pid: the child that is waited for, or 0 for none in particular. */
void reap_begin(struct reap *reap, pid_t pid);
/* found: of the last look, or -errno. Returns it, or 1 if the claim has been served meanwhile. */
int reap_end(struct reap *reap, int found);
/* Never blocks. Returns 1 with reap->info, 0 if nothing has happened, -errno as waitid; -EBUSY if
   only the end of a start can tell. */
int reap_look(struct reap *reap);
/* Looks, and blocks the thread until there is something. Returns as reap_look, without -EBUSY;
   -EINTR. */
int reap_block(struct reap *reap);

/* --- process_wait.c --- */

/* Waits until the child has ended. Returns 0 or -ECANCELED. */
int child_await(struct child *child);
/* Ends the child, by force after the grace, and waits for that; not cancelled. */
void child_stop(struct child *child, int64_t grace_ns, bool group);
#define CHILD_GRACE_NS INT64_C(5000000000)
/* The end's status as waitpid gives it. */
int child_status(const siginfo_t *info);
/* Lets go of a child that has ended. */
void child_close(struct child *child);

/* --- process_start.c --- */

#define STREAM_KEEP (-1) /* as it is */
#define STREAM_NULL (-2)
#define STREAM_JOIN (-4) /* the second goes where the first goes */

struct program {
    const char *path;
    char *const *argv;
    char *const *env;      /* NULL: ours */
    const char *directory; /* NULL: ours */
    int streams[3];        /* a descriptor that is its own number or above 2, or STREAM_... */
    bool command;          /* in a group of its own, with SIGPIPE at its default */
    bool keeps_descriptors;
    bool directory_fails; /* out: it could not be entered */
};

/* Starts the program, for the calling task on a thread of the pool. Returns 0 with the child's pid,
   pidfd and claim, or -errno: -ECANCELED if a scope ended before. */
int program_start(struct program *program, struct child *child);
/* A pipe whose near end is a descriptor like those of dure_pipe2. near_reads: which one it is. */
int program_pipe(int *near_fd, int *far_fd, bool near_reads);

/* --- process_streams.c --- */

struct streams {
    int near_fds[3]; /* our ends of pipes; -1: none */
    int sources[3];  /* for struct program */
    int to_close[3]; /* those of them that are ours to close once it runs; -1: none */
};

/* wanted: as in dure_command_options. Returns 0 or -errno; all is to be closed then too. */
int streams_open(struct streams *streams, const int wanted[3]);
void streams_close_far(const struct streams *streams);
void streams_close_near(struct streams *streams);

#endif

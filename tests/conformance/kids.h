/* Children for the tests of processes: shells that do what they are told when they are told. */
#ifndef KIDS_H
#define KIDS_H

#include "conformance.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

/* A child that waits for its word before it goes on. */
struct kid {
    pid_t pid;
    int word_fd; /* a byte or its end is the word */
};

/* Starts /bin/sh with a script behind `read`: it begins when it gets its word. group: as
   posix_spawnattr_setpgroup; -1: ours. */
void kid_start(struct kid *kid, const char *script, pid_t group);
/* Starts one that begins at once; its pid. */
pid_t kid_run(const char *script);
/* Gives the word. */
void kid_go(struct kid *kid);
/* Waits, by looking alone, until a child has ended. */
void kid_ended(pid_t pid);
/* True if this process has children, zombies included. */
bool kids_left(void);
/* With DURE_TEST_NO_PIDFD this process has a kernel that knows no pidfd. For main. */
void kids_without_pidfd(void);
/* True then. */
bool kids_pidfd_missing(void);

#endif

/* Questions about files, abandoned on cancel. */
#ifndef DURE_SRC_POSIX_QUESTION_H
#define DURE_SRC_POSIX_QUESTION_H

#include <stddef.h>
#include <stdint.h>

struct question {
    const char *what; /* for the dump */
    /* Asks, by no calls but world_here()'s. Returns the length of the answer in bytes, or -1 and errno. */
    int64_t (*ask)(const struct question *question);
    int fd;           /* what is asked about, or with a path the directory */
    const char *path; /* NULL: fd alone */
    int flags;
    unsigned mode; /* of access; statx's mask */
    void *answer;
    size_t answer_len; /* the room there */
};

/* Asks, for a task on a thread of the pool. Whoever is cancelled meanwhile goes away at once, and the
   answer, when it comes, finds nobody: so it and the path are copies then. Returns the length of the
   answer or -errno; -ECANCELED if there is none because a scope ended. */
int64_t question_put(const struct question *question);

#endif

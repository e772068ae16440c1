/* What the simulated tests share: checks that remember. */
#ifndef WORLD_H
#define WORLD_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dure.h>

extern unsigned world_failures;

#define CHECK(condition) world_check((condition) != 0, __FILE__, __LINE__, #condition)
#define CHECK_EQ(actual, expected) \
    world_check_eq((long long)(actual), (long long)(expected), __FILE__, __LINE__, #actual)
/* The call returns -1 with this errno. */
#define CHECK_FAILS(call, error) \
    (errno = 0, world_check_fails((long long)(call), (error), __FILE__, __LINE__, #call))

bool world_check(bool holds, const char *file, int line, const char *text);
bool world_check_eq(long long actual, long long expected, const char *file, int line,
                    const char *text);
bool world_check_fails(long long result, int error, const char *file, int line, const char *text);

/* A task that sends back what it gets, for dure_serve. */
int world_echo(void *arg);
/* A host's program: an echo server on port 7. */
int world_echo_server(void *arg);

#endif

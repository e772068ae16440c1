/* What the servers of `dure compare models` do: the same functions, whoever waits in them. */
#ifndef CMD_COMPARE_HANDLERS_H
#define CMD_COMPARE_HANDLERS_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_LEN 64
#define REPLY_LEN_MAX 4096

/* Shared by servers and clients: made before they are forked. */
struct handler_world {
    uint64_t rounds_a_ms; /* of the computation */
    int file_fd;
    const char *file; /* what is in it: FILE_LEN bytes */
};

#define FILE_LEN ((size_t)4 * 1024 * 1024)

struct handler {
    const char *name;
    size_t reply_len;
    /* Fills the part of the reply behind the request's number. Returns: 0, or -1. Blocks: the task,
       thread or process. */
    int (*answer)(const struct handler_world *world, uint64_t number, char *reply, size_t len);
    /* What that part has to be: a pointer to len bytes. */
    const char *(*expected)(const struct handler_world *world, uint64_t number);
};

enum handler_id { HANDLER_AT_ONCE, HANDLER_WAITS, HANDLER_COMPUTES, HANDLER_READS, HANDLERS };
extern const struct handler handlers[HANDLERS];

/* Makes the file, which has no name, and finds out how much is computed in a millisecond.
   Returns: 0, or -1 with errno. Blocks: the thread, for some milliseconds. */
int handler_world_init(struct handler_world *world);
void handler_world_fini(struct handler_world *world);

/* What a connection's function finds as its argument. */
struct handler_service {
    const struct handler *handler;
    const struct handler_world *world;
};

/* Lives the life of one connection: answers requests of REQUEST_LEN bytes, each of which begins with
   its number, until the peer closes. connection: a dure_connection, whose arg is a struct
   handler_service. Returns: 0. */
int handler_connection(void *connection);

#endif

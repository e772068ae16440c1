/* Which processors the server has, and which its clients. */
#ifndef CMD_COMPARE_CORES_H
#define CMD_COMPARE_CORES_H

#include <sched.h>
#include <stdbool.h>

struct cores {
    cpu_set_t server, client;
    unsigned server_len, client_len;
    bool shared; /* there is only one: both have it */
};

/* Halves the processors that the process may use. Blocks: never. */
void cores_split(struct cores *cores);

/* Writes "0 and 1" or "2, 3 and 7". text: room for len bytes. */
void cores_text(const cpu_set_t *set, char *text, unsigned len);

#endif

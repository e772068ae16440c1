/* Which processors a measurement uses. */
#ifndef CMD_COMPARE_PROCESSORS_H
#define CMD_COMPARE_PROCESSORS_H

#include <sched.h>
#include <stdbool.h>

/* Chooses processors that this process may use: each on a core of its own as far as there are such,
   and the first (which serves most interrupts) last.
   Returns: how many were found, at most max. */
unsigned processors_choose(int *processors, unsigned max);

/* Binds the calling thread, and the threads that it makes from now on, to a processor; a negative
   one changes nothing. */
void processors_bind(int processor);

/* Which processors a server has, and which its clients. */
struct processors {
    cpu_set_t server, client;
    unsigned server_len, client_len;
    bool shared; /* there is only one: both have it */
};

/* Halves the processors that this process may use. */
void processors_split(struct processors *split);

/* Writes "0 and 1" or "2, 3 and 7". text: room for len bytes. */
void processors_text(const cpu_set_t *set, char *text, unsigned len);

#endif

/* Processors. */
#include "cmd/compare/cores.h"

#include <stdio.h>

void cores_split(struct cores *cores)
{
    cpu_set_t all;
    unsigned len, i, at = 0;

    CPU_ZERO(&all);
    sched_getaffinity(0, sizeof all, &all);
    len = (unsigned)CPU_COUNT(&all);
    *cores = (struct cores){ .server_len = len, .client_len = len, .shared = len < 2 };
    cores->server = cores->client = all;
    if (cores->shared)
        return;
    cores->server_len = len / 2;
    cores->client_len = len - len / 2;
    for (i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all))
            CPU_CLR(i, at++ < cores->server_len ? &cores->client : &cores->server);
}

void cores_text(const cpu_set_t *set, char *text, unsigned len)
{
    unsigned i, left = (unsigned)CPU_COUNT(set), used = 0;

    text[0] = '\0';
    for (i = 0; i < CPU_SETSIZE && used < len; i++)
        if (CPU_ISSET(i, set)) {
            left--;
            used += (unsigned)snprintf(text + used, len - used, "%u%s", i,
                                       left > 1    ? ", "
                                       : left == 1 ? " and "
                                                   : "");
        }
}

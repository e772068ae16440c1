/* Which processors a measurement uses. */
#include "cmd/compare/processors.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

/* Returns: the lowest processor on the same core, by which cores are told apart. */
static int core_of(int processor)
{
    char path[96];
    FILE *file;
    int first = processor;

    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
             processor);
    file = fopen(path, "re");
    if (file == NULL)
        return processor;
    if (fscanf(file, "%d", &first) != 1)
        first = processor;
    fclose(file);
    return first;
}

static bool core_is_taken(const int *processors, unsigned len, int core)
{
    unsigned i;

    for (i = 0; i < len; i++)
        if (core_of(processors[i]) == core)
            return true;
    return false;
}

static bool is_taken(const int *processors, unsigned len, int processor)
{
    unsigned i;

    for (i = 0; i < len; i++)
        if (processors[i] == processor)
            return true;
    return false;
}

unsigned processors_choose(int *processors, unsigned max)
{
    cpu_set_t allowed;
    unsigned len = 0;
    int i, pass;

    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return 0;
    /* A core each first; then what is left. */
    for (pass = 0; pass < 2; pass++)
        for (i = CPU_SETSIZE - 1; i >= 0 && len < max; i--)
            if (CPU_ISSET((unsigned)i, &allowed) && !is_taken(processors, len, i) &&
                (pass == 1 || !core_is_taken(processors, len, core_of(i))))
                processors[len++] = i;
    return len;
}

void processors_bind(int processor)
{
    cpu_set_t set;

    if (processor < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)processor, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

void processors_split(struct processors *split)
{
    cpu_set_t all;
    unsigned len, i, at = 0;

    CPU_ZERO(&all);
    sched_getaffinity(0, sizeof all, &all);
    len = (unsigned)CPU_COUNT(&all);
    *split = (struct processors){ .server_len = len, .client_len = len, .shared = len < 2 };
    split->server = split->client = all;
    if (split->shared)
        return;
    split->server_len = len / 2;
    split->client_len = len - len / 2;
    for (i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all))
            CPU_CLR(i, at++ < split->server_len ? &split->client : &split->server);
}

void processors_text(const cpu_set_t *set, char *text, unsigned len)
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

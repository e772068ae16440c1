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

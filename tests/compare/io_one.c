/* One measurement of dure compare io, alone in this process.
   io-one MECHANISM DESCRIPTORS EVENTS BURST [INTERVAL_US]: a line of JSON.
   io-one --list: the mechanisms, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/io_point.h"
#include "cmd/compare/processors.h"

static const struct io_mechanism *find(const char *name)
{
    unsigned i;

    for (i = 0; io_mechanisms[i] != NULL; i++)
        if (strcmp(io_mechanisms[i]->name, name) == 0)
            return io_mechanisms[i];
    return NULL;
}

static void list(void)
{
    unsigned i;

    for (i = 0; io_mechanisms[i] != NULL; i++)
        puts(io_mechanisms[i]->name);
}

static void print(const struct io_result *result)
{
    static const char *const outcomes[] = { "done", "refused", "lost" };

    printf("{\"outcome\": \"%s\", \"why\": \"%s\", \"events\": %ju, \"calls\": %ju, "
           "\"calls_all\": %ju, \"wasted\": %ju, \"strange\": %ju, \"late\": %ju, "
           "\"held\": %ju, \"cpu_ns\": %jd, \"p50_ns\": %jd, \"p99_ns\": %jd}\n",
           outcomes[result->outcome], result->why, (uintmax_t)result->events,
           (uintmax_t)result->calls, (uintmax_t)result->calls_all, (uintmax_t)result->wasted,
           (uintmax_t)result->strange, (uintmax_t)result->late, (uintmax_t)result->held,
           (intmax_t)result->cpu_ns, (intmax_t)result->median_ns, (intmax_t)result->p99_ns);
}

int main(int argc, char **argv)
{
    struct io_order order = { .writer_processor = -1,
                              .waiter_processor = -1,
                              .kernel_processor = -1 };
    struct io_result result = { .outcome = IO_LOST };

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    if (argc < 5 || (order.mechanism = find(argv[1])) == NULL)
        return 2;
    order.descriptors = (unsigned)atoi(argv[2]);
    order.events = (unsigned)atoi(argv[3]);
    order.burst = (unsigned)atoi(argv[4]);
    order.interval_ns = argc > 5 ? atoi(argv[5]) * INT64_C(1000) : 1000000;
    io_measure(&order, &result);
    print(&result);
    fflush(stdout);
    /* The waiter's threads still use what main's return would take away. */
    _Exit(0);
}

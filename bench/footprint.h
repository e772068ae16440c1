/* What this process occupies: resident pages and page tables. */
#ifndef DURE_BENCH_FOOTPRINT_H
#define DURE_BENCH_FOOTPRINT_H

#include "bench.h"

/* A line of /proc that begins with the key, in kB. */
static inline long footprint_line(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    char line[256];
    long value = -1;

    if (!file)
        bench_die(path);
    while (value < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = atol(line + strlen(key));
    fclose(file);
    return value;
}

/* In kB. smaps_rollup counts pages; what status says of them lags behind. */
static inline long footprint(void)
{
    return footprint_line("/proc/self/smaps_rollup", "Rss:") +
           footprint_line("/proc/self/status", "VmPTE:");
}

/* What each of so many tasks has added since footprint() said `before`. */
static inline void footprint_report(long before, long tasks)
{
    printf("{\"tasks\": %ld, \"bytes\": %.1f}\n", tasks,
           (double)(footprint() - before) * 1024 / (double)tasks);
    fflush(stdout);
}

#endif

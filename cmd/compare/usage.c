/* From /proc, and clocks of other processes. */
#include "cmd/compare/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* A thread's stack in the kernel: THREAD_SIZE of x86-64 and aarch64. */
#define KERNEL_STACK ((uint64_t)16 * 1024)
/* So many children are looked at: a look costs the kernel a walk over all pages. */
#define LOOKED_AT 16

static int64_t of_timeval(struct timeval time)
{
    return ((int64_t)time.tv_sec * 1000000 + time.tv_usec) * 1000;
}

static void add_rusage(struct usage *usage, int who)
{
    struct rusage used;

    if (getrusage(who, &used) < 0)
        return;
    usage->cpu_ns += of_timeval(used.ru_utime) + of_timeval(used.ru_stime);
    usage->voluntary += (uint64_t)used.ru_nvcsw;
    usage->involuntary += (uint64_t)used.ru_nivcsw;
}

void usage_of_self(struct usage *usage)
{
    *usage = (struct usage){ 0 };
    add_rusage(usage, RUSAGE_SELF);
    add_rusage(usage, RUSAGE_CHILDREN);
}

static FILE *open_of(pid_t pid, const char *name)
{
    char path[96];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return fopen(path, "re");
}

/* Finds a line "key: number ..." in a file of a process. Returns: the number, 0 if there is none. */
static uint64_t number_in(pid_t pid, const char *name, const char *key)
{
    FILE *file = open_of(pid, name);
    size_t key_len = strlen(key);
    uint64_t number = 0;
    char line[256];

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, key_len) == 0 && line[key_len] == ':') {
            number = strtoull(line + key_len + 1, NULL, 10);
            break;
        }
    fclose(file);
    return number;
}

/* Calls fn for each child of a process, which has forked them on its first thread. */
static void each_child(pid_t parent, void (*fn)(pid_t child, void *arg), void *arg)
{
    char name[64];
    FILE *file;
    int pid;

    snprintf(name, sizeof name, "task/%d/children", (int)parent);
    file = open_of(parent, name);
    if (file == NULL)
        return;
    while (fscanf(file, "%d", &pid) == 1)
        fn(pid, arg);
    fclose(file);
}

static void add_child(pid_t pid, void *arg)
{
    struct usage *usage = arg;
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        return;
    usage->cpu_ns += (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
    usage->voluntary += number_in(pid, "status", "voluntary_ctxt_switches");
    usage->involuntary += number_in(pid, "status", "nonvoluntary_ctxt_switches");
}

void usage_add_children(struct usage *usage, pid_t parent)
{
    each_child(parent, add_child, usage);
}

static unsigned threads_of(pid_t pid)
{
    return (unsigned)number_in(pid, "status", "Threads");
}

static uint64_t bytes_of(pid_t pid)
{
    return (number_in(pid, "smaps_rollup", "Private_Dirty") + number_in(pid, "status", "VmPTE")) *
               1024 +
           threads_of(pid) * KERNEL_STACK;
}

struct look {
    unsigned children, looked_at;
    uint64_t bytes;
};

static void look_at(pid_t pid, void *arg)
{
    struct look *look = arg;

    if (look->children++ >= LOOKED_AT)
        return;
    look->bytes += bytes_of(pid);
    look->looked_at++;
}

void footprint_of(struct footprint *footprint, pid_t pid)
{
    struct look look = { 0 };

    each_child(pid, look_at, &look);
    footprint->processes = 1 + look.children;
    footprint->threads = threads_of(pid) + look.children;
    footprint->bytes = bytes_of(pid);
    if (look.looked_at > 0)
        footprint->bytes += look.bytes * look.children / look.looked_at;
}

/* What a run is to be: options, environment, machine. */
#include "loop/runtime.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOPS_MAX 1024
#define TASK_STACK_MIN ((size_t)16 * 1024)
#define TASK_STACK_MAX ((size_t)64 * 1024 * 1024)
#define TASK_STACK_DEFAULT ((size_t)256 * 1024)
/* A simulation is the same on every machine. */
#define SIMULATED_LOOPS 2

/* The quota of a cgroup in whole processors, rounded up; 0: none. */
static unsigned quota_of(const char *path)
{
    unsigned long long quota, period;
    char text[64];
    unsigned processors = 0;
    FILE *file = fopen(path, "re");

    if (!file)
        return 0;
    if (fgets(text, sizeof text, file) && sscanf(text, "%llu %llu", &quota, &period) == 2 &&
        period > 0)
        processors = (unsigned)((quota + period - 1) / period);
    fclose(file);
    return processors;
}

/* The smallest quota on the way from this process's cgroup (version 2) to the root. */
static unsigned cgroup_quota(void)
{
    char line[512], path[640];
    unsigned quota, quota_min = 0;
    char *end;
    FILE *file = fopen("/proc/self/cgroup", "re");

    if (!file)
        return 0;
    if (!fgets(line, sizeof line, file) || strncmp(line, "0::", 3) != 0)
        line[3] = '\0';
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    for (end = line + strlen(line); end > line + 3; *end = '\0') {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", line + 3);
        quota = quota_of(path);
        if (quota && (!quota_min || quota < quota_min))
            quota_min = quota;
        end = strrchr(line + 3, '/');
        if (!end)
            break;
    }
    return quota_min;
}

unsigned settings_processors(void)
{
    /* A cpu_set_t holds 1,024 processors; larger machines get as many loops. */
    unsigned quota, processors = 1;
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        processors = (unsigned)CPU_COUNT(&set);
    quota = cgroup_quota();
    return quota && quota < processors ? quota : processors;
}

/* Reads a number from the environment. Returns 0 and leaves *value alone if it is not set. */
static int from_environment(const char *name, unsigned long max, unsigned long *value)
{
    const char *text = getenv(name);
    unsigned long number;
    char *end;

    if (!text || !*text)
        return 0;
    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno || *end || number == 0 || number > max || *text == '-') {
        dure_fail(EINVAL, "%s=%s is not a number from 1 to %lu", name, text, max);
        return -EINVAL;
    }
    *value = number;
    return 0;
}

static int check_signals(const dure_run_options *options)
{
    const char *why;
    int number;

    for (number = 1; options->wait_signals && number <= SIGRTMAX; number++) {
        if (sigismember(options->wait_signals, number) != 1)
            continue;
        why = number == SIGKILL || number == SIGSTOP ? "nothing blocks it"
                                                     : watch_refuses(options->flags, number);
        if (!why)
            continue;
        dure_fail(EINVAL, "wait_signals names signal %d: %s", number, why);
        return -EINVAL;
    }
    return 0;
}

static int check(const dure_run_options *options)
{
    const uint32_t known =
        DURE_NO_STOP_SIGNALS | DURE_DUMP_ON_SIGUSR1 | DURE_NO_GUARDS | DURE_SQPOLL;

    if (options->flags & ~known || options->grace_ns < 0 || options->loops > LOOPS_MAX) {
        dure_fail(EINVAL, "a run option is out of range (flags, grace_ns or loops above %d)",
                  LOOPS_MAX);
        return -EINVAL;
    }
    if (options->stack_size &&
        (options->stack_size < TASK_STACK_MIN || options->stack_size > TASK_STACK_MAX)) {
        dure_fail(EINVAL, "stack_size is outside %zu to %zu bytes", TASK_STACK_MIN, TASK_STACK_MAX);
        return -EINVAL;
    }
    return check_signals(options);
}

int settings_read(struct settings *settings, const dure_run_options *options)
{
    static const dure_run_options plain;
    unsigned long loops, entries = 0, transfer_max = 0;
    const char *backend;

    if (!options)
        options = &plain;
    if (check(options) < 0)
        return -EINVAL;
    loops = options->loops;
    if ((!loops && from_environment("DURE_LOOPS", LOOPS_MAX, &loops) < 0) ||
        from_environment("DURE_QUEUE_ENTRIES", 32768, &entries) < 0 ||
        from_environment("DURE_TRANSFER_MAX", 1UL << 30, &transfer_max) < 0)
        return -EINVAL;
    backend = options->backend ? options->backend : getenv("DURE_BACKEND");
    if (!loops && backend && strcmp(backend, "sim") == 0)
        loops = SIMULATED_LOOPS;
    *settings = (struct settings){
        .loops = loops ? (unsigned)loops : settings_processors(),
        .backend = backend,
        .stack_size = options->stack_size ? options->stack_size : TASK_STACK_DEFAULT,
        .blocking_threads = options->blocking_threads,
        .queue_entries = options->queue_entries ? options->queue_entries : (unsigned)entries,
        .transfer_max = transfer_max,
        .grace_ns = options->grace_ns,
        .flags = options->flags,
    };
    if (options->wait_signals)
        settings->wait_signals = *options->wait_signals;
    else
        sigemptyset(&settings->wait_signals);
    if (settings->backend && !*settings->backend)
        settings->backend = NULL;
    return 0;
}

/* Running a simulation: one seed here, or many, each in a process of its own. */
#include "loop/simulated.h"

#include <dure/sim.h>
#include <dure/task.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURNS_MAX 100000000
#define LOOPS 2
#define JOBS_MAX 256

static const dure_sim_options plain;

static void read_options(const dure_sim_options *options, struct sim_options *out)
{
    *out = (struct sim_options){
        .latency_min_ns = options->latency_min_ns,
        .latency_max_ns = options->latency_max_ns,
        .disk_min_ns = options->disk_min_ns,
        .disk_max_ns = options->disk_max_ns,
        .loss_ppm = options->loss_ppm,
        .duplicate_ppm = options->duplicate_ppm,
        .disk_error_ppm = options->disk_error_ppm,
        .disk_short_ppm = options->disk_short_ppm,
        .sync_error_ppm = options->sync_error_ppm,
        .disk_size = options->disk_size,
    };
}

static int run_world(const dure_sim_options *options, dure_fn *fn, void *arg)
{
    dure_run_options run = { .loops = options->loops ? options->loops : LOOPS,
                             .backend = "sim",
                             .flags = DURE_NO_STOP_SIGNALS };
    int result;

    simulation.turns_max = options->turns_max ? options->turns_max : TURNS_MAX;
    simulation.closed = true;
    result = dure_run_with(&run, fn, arg);
    simulation.closed = false;
    simulation.turns_max = 0;
    if (simulation.failed == 0)
        return result;
    return dure_fail(simulation.failed, "%s",
                     simulation.failed == ETIME ? "the simulation did not end"
                                                : "nothing could ever happen again");
}

int dure_sim_run(uint64_t seed, const dure_sim_options *options, dure_fn *fn, void *arg)
{
    struct sim_options world;
    int result, error;

    if (!options)
        options = &plain;
    if (runtime_active)
        return dure_fail(EBUSY, "a run is active in this process");
    read_options(options, &world);
    if (options->trace) {
        world.trace = fopen(options->trace, "we");
        if (!world.trace)
            return dure_fail(EIO, "cannot write the trace %s: %s", options->trace, strerror(errno));
    }
    error = sim_init(seed, &world);
    result = error < 0 ? dure_fail(-error, "cannot make the world") : run_world(options, fn, arg);
    error = errno;
    sim_fini();
    if (world.trace && fclose(world.trace) != 0 && result == 0)
        return dure_fail(EIO, "cannot write the trace %s", options->trace);
    errno = error;
    return result;
}

/* --- many seeds --- */

struct plan {
    uint64_t from, count;
    bool single; /* --seed: here, without a process */
    unsigned jobs;
    const char *trace;
    const char *program;
    const dure_sim_options *options;
    dure_fn *fn;
    void *arg;
};

static bool read_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    return *text && !*end && errno == 0;
}

/* The value of --name=value, or NULL. */
static const char *value_of(const char *argument, const char *name)
{
    size_t len = strlen(name);

    return strncmp(argument, name, len) == 0 && argument[len] == '=' ? argument + len + 1 : NULL;
}

static uint64_t fresh_seed(void)
{
    struct timespec now;
    uint64_t seed;

    clock_gettime(CLOCK_REALTIME, &now);
    seed = ((uint64_t)now.tv_sec << 20) ^ (uint64_t)now.tv_nsec;
    printf("# seeds from %llu\n", (unsigned long long)seed);
    return seed;
}

static bool read_argument(struct plan *plan, const char *argument)
{
    uint64_t jobs;
    const char *value;

    if ((value = value_of(argument, "--seeds")))
        return read_number(value, &plan->count);
    if ((value = value_of(argument, "--seed"))) {
        plan->single = true;
        return read_number(value, &plan->from);
    }
    if ((value = value_of(argument, "--from"))) {
        if (strcmp(value, "fresh") != 0)
            return read_number(value, &plan->from);
        plan->from = fresh_seed();
        return true;
    }
    if ((value = value_of(argument, "--trace"))) {
        plan->trace = value;
        return true;
    }
    value = value_of(argument, "--jobs");
    if (!value || !read_number(value, &jobs) || jobs < 1 || jobs > JOBS_MAX)
        return false;
    plan->jobs = (unsigned)jobs;
    return true;
}

static int run_one(const struct plan *plan, uint64_t seed)
{
    dure_sim_options options = *plan->options;

    options.trace = plan->trace;
    if (dure_sim_run(seed, &options, plan->fn, plan->arg) == 0)
        return 0;
    fprintf(stderr, "seed %llu failed: %s%s%s\n", (unsigned long long)seed, strerror(errno),
            *dure_why() ? ": " : "", dure_why());
    return 1;
}

/* A child for the seed. Returns its number, or -1. */
static pid_t start_one(const struct plan *plan, uint64_t seed)
{
    pid_t pid;

    fflush(stdout);
    fflush(stderr);
    pid = fork();
    if (pid != 0)
        return pid;
    exit(run_one(plan, seed));
}

struct child {
    pid_t pid; /* 0: none */
    uint64_t seed;
};

/* Waits for one of them. Returns 1 if it failed, else 0; -1 if there was none. */
static int take_one(const struct plan *plan, struct child *children, unsigned *running)
{
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    unsigned i;

    if (pid < 0)
        return errno == EINTR ? 0 : -1;
    for (i = 0; i < plan->jobs && children[i].pid != pid; i++)
        ;
    if (i == plan->jobs)
        return 0; /* a child of somebody else's */
    children[i].pid = 0;
    (*running)--;
    if (status == 0)
        return 0;
    fprintf(stderr, "FAILED, replay it: %s --seed=%llu\n", plan->program,
            (unsigned long long)children[i].seed);
    return 1;
}

static int start_next(const struct plan *plan, struct child *children, uint64_t seed)
{
    unsigned i;

    for (i = 0; children[i].pid; i++)
        ;
    children[i].pid = start_one(plan, seed);
    children[i].seed = seed;
    if (children[i].pid > 0)
        return 0;
    perror("fork");
    children[i].pid = 0;
    return -1;
}

static int run_many(const struct plan *plan)
{
    struct child *children = calloc(plan->jobs, sizeof *children);
    unsigned running = 0;
    uint64_t next = 0, failed = 0;
    int result = children ? 0 : -1;

    while (result >= 0 && (next < plan->count || running > 0)) {
        if (next < plan->count && running < plan->jobs) {
            result = start_next(plan, children, plan->from + next++);
            running += result == 0;
        } else {
            result = take_one(plan, children, &running);
            failed += result > 0;
        }
    }
    free(children);
    printf("%llu seeds from %llu, %llu failed\n", (unsigned long long)next,
           (unsigned long long)plan->from, (unsigned long long)failed);
    return result < 0 || failed ? 1 : 0;
}

int dure_sim_main(int argc, char **argv, const dure_sim_options *options, dure_fn *fn, void *arg)
{
    struct plan plan = { .from = 1,
                         .count = 1,
                         .jobs = settings_processors(),
                         .program = argc > 0 ? argv[0] : "program",
                         .options = options ? options : &plain,
                         .fn = fn,
                         .arg = arg };
    int i;

    for (i = 1; i < argc; i++) {
        if (read_argument(&plan, argv[i]))
            continue;
        fprintf(stderr, "%s: what is %s? --seeds=N --from=SEED --seed=SEED --trace=FILE --jobs=N\n",
                plan.program, argv[i]);
        return 2;
    }
    return plan.single ? run_one(&plan, plan.from) : run_many(&plan);
}

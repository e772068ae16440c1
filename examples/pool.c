/* A pool of workers under one deadline: numbers go in by one channel, their
   smallest factors come back by another, and one task does both, whichever is
   possible first. What is not done when the time is over is given up.

   pool [WORKERS [MILLISECONDS]] < numbers     one number a line */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <dure.h>

struct job {
    uint64_t number, factor;
};

static dure_channel *jobs, *results;

static int work(void *arg)
{
    struct job job;
    int received;

    (void)arg;
    while ((received = dure_channel_receive(jobs, &job)) == 1) {
        for (job.factor = 2; job.number % job.factor != 0; job.factor++) {
            if (job.factor > job.number / job.factor) {
                job.factor = job.number; /* a prime */
                break;
            }
            if (job.factor % 65536 == 0 && dure_yield() < 0)
                return -1;
        }
        if (dure_channel_send(results, &job) < 0)
            return -1;
    }
    return received; /* 0: no more jobs */
}

/* The next number of standard input; 0 at the end. */
static uint64_t next_number(dure_reader *input)
{
    char *line;
    uint64_t number;

    while (dure_reader_line(input, &line, NULL) == 1) {
        number = strtoull(line, NULL, 10);
        if (number >= 2)
            return number;
    }
    return 0;
}

/* Hands out jobs and takes in results until all are done, or the time is over. */
static int share_out(int64_t time_ns)
{
    char buf[4096];
    dure_reader input;
    struct job job = { 0 }, result;
    dure_case cases[3];
    long under_way = 0;

    dure_reader_init(&input, STDIN_FILENO, buf, sizeof buf);
    job.number = next_number(&input);
    cases[0] = dure_case_send(job.number ? jobs : NULL, &job); /* NULL: never */
    cases[1] = dure_case_receive(results, &result);
    cases[2] = dure_case_at(dure_after(time_ns));
    while (job.number || under_way) {
        switch (dure_choose(cases, 3)) {
        case 0:
            under_way++;
            job.number = next_number(&input);
            if (!job.number)
                cases[0] = dure_case_send(NULL, NULL);
            break;
        case 1:
            under_way--;
            printf("%" PRIu64 " = %" PRIu64 " x %" PRIu64 "\n", result.number, result.factor,
                   result.number / result.factor);
            break;
        case 2:
            fprintf(stderr, "pool: the time is over, %ld numbers are not done\n", under_way);
            return -1;
        default:
            return -1;
        }
    }
    return 0;
}

static int run(void *arg)
{
    char **argv = arg;
    long workers = argv[1] ? atol(argv[1]) : 4;
    int64_t time_ns = (argv[1] && argv[2] ? atol(argv[2]) : 2000) * DURE_MILLISECOND;
    dure_scope scope;
    int result;

    jobs = dure_channel_create(sizeof(struct job), 0);
    results = dure_channel_create(sizeof(struct job), 16);
    if (jobs == NULL || results == NULL)
        return -1;
    dure_scope_open(&scope);
    for (; workers > 0; workers--)
        if (dure_spawn(&scope, work, NULL, 0) < 0)
            break;
    result = share_out(time_ns);
    if (result == 0)
        dure_channel_close(jobs); /* the workers finish */
    else
        dure_scope_cancel(&scope); /* they stop where they are */
    dure_scope_close(&scope);
    dure_channel_destroy(jobs);
    dure_channel_destroy(results);
    return result;
}

int main(int argc, char **argv)
{
    (void)argc;
    return dure_run(run, argv) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

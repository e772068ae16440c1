/* Tasks: dure_spawn and the scope's close. They hand over by a semaphore each, as processes and
   threads do by a futex; or all are ready and yield. */
#include <dure.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/room.h"
#include "cmd/compare/switch.h"

struct gang {
    const struct switch_order *order;
    struct switch_result *result;
    dure_sem *turns; /* one each; the first is the measuring task's */
    unsigned len;
    bool over;
    double switches; /* by those that yield */
    int outcome;
};

struct member {
    struct gang *gang;
    unsigned number;
};

/* ---- by semaphores ---- */

static int take_turns(void *arg)
{
    const struct member *member = arg;
    struct gang *gang = member->gang;
    bool over = false;

    while (!over) {
        if (dure_sem_wait(&gang->turns[member->number]) < 0)
            return -1;
        over = gang->over;
        if (dure_sem_post(&gang->turns[(member->number + 1) % gang->len]) < 0)
            return -1;
    }
    return 0;
}

static void laps(struct gang *gang, unsigned count)
{
    for (; count > 0; count--) {
        dure_sem_post(&gang->turns[1 % gang->len]);
        dure_sem_wait(&gang->turns[0]);
    }
}

/* Returns: how many laps go by between two looks at the clock. */
static unsigned laps_at_once(const struct gang *gang)
{
    return gang->len < 1000 ? 1000 / gang->len : 1;
}

static void measure_turns(struct gang *gang)
{
    int64_t cpu_ns = switch_cpu_ns(), end_ns = switch_now_ns() + gang->order->slice_ns / 4;
    unsigned count = laps_at_once(gang);
    double done = 0;

    do {
        laps(gang, count);
        done += (double)gang->len * count;
    } while (switch_now_ns() < end_ns);
    gang->result->switch_ns = (double)(switch_cpu_ns() - cpu_ns) / done;
}

/* ---- by yielding ---- */

static int yield_always(void *arg)
{
    struct gang *gang = ((const struct member *)arg)->gang;

    while (!gang->over) {
        gang->switches++;
        dure_yield();
    }
    return 0;
}

static void measure_yields(struct gang *gang)
{
    int64_t cpu_ns = switch_cpu_ns(), end_ns = switch_now_ns() + gang->order->slice_ns / 2;
    double before = gang->switches;
    unsigned i;

    do {
        for (i = 0; i < laps_at_once(gang); i++) {
            gang->switches++;
            dure_yield();
        }
    } while (switch_now_ns() < end_ns);
    gang->result->switch_ns = (double)(switch_cpu_ns() - cpu_ns) / (gang->switches - before);
}

/* ---- of both ---- */

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int spawn_all(struct gang *gang, dure_scope *scope, dure_fn *fn)
{
    struct member member = { .gang = gang };
    unsigned i;

    for (i = 1; i < gang->len; i++) {
        member.number = i;
        if (dure_spawn(scope, fn, &member, sizeof member) < 0)
            return switch_refuse(gang->result, "%u tasks were made, then: %s", i - 1,
                                 dure_why()[0] != '\0' ? dure_why() : strerror(errno));
    }
    return 0;
}

static void measure_spawn(struct gang *gang)
{
    int64_t cpu_ns = switch_cpu_ns(), end_ns = switch_now_ns() + gang->order->slice_ns / 2;
    double done = 0;
    dure_scope scope;

    do {
        dure_scope_open(&scope);
        if (spawn_all(gang, &scope, nothing) < 0)
            gang->outcome = -1;
        dure_scope_close(&scope);
        done += gang->len - 1;
    } while (switch_now_ns() < end_ns && gang->outcome == 0);
    gang->result->spawn_ns = (double)(switch_cpu_ns() - cpu_ns) / done;
}

static int measure_waiting(void *arg)
{
    struct gang *gang = arg;
    double before = switch_footprint(0);
    dure_scope scope;

    dure_scope_open(&scope);
    gang->outcome = spawn_all(gang, &scope, take_turns);
    if (gang->outcome == 0) {
        laps(gang, 1);
        gang->result->parked_bytes = (switch_footprint(0) - before) / gang->order->count;
        measure_turns(gang);
        gang->over = true;
        laps(gang, 1);
    } else {
        dure_scope_cancel(&scope);
    }
    dure_scope_close(&scope);
    if (gang->outcome == 0)
        measure_spawn(gang);
    return 0;
}

static int measure_ready(void *arg)
{
    struct gang *gang = arg;
    dure_scope scope;

    dure_scope_open(&scope);
    gang->outcome = spawn_all(gang, &scope, yield_always);
    if (gang->outcome == 0)
        measure_yields(gang);
    gang->over = true;
    dure_scope_close(&scope);
    return 0;
}

static int run(const struct switch_order *order, struct switch_result *result, dure_fn *fn)
{
    const dure_run_options options = { .loops = 1, .flags = DURE_NO_STOP_SIGNALS };
    struct gang gang = { .order = order, .result = result, .len = order->count + 1 };
    unsigned i;

    gang.turns = calloc(gang.len, sizeof *gang.turns);
    if (gang.turns == NULL)
        return switch_refuse(result, "no memory");
    /* Written to, so that their memory is there before that of the tasks is measured. */
    for (i = 0; i < gang.len; i++)
        dure_sem_init(&gang.turns[i], 0, 0);
    if (dure_run_with(&options, fn, &gang) < 0)
        gang.outcome = switch_refuse(result, "dure: %s", dure_why());
    free(gang.turns);
    return gang.outcome;
}

static int measure_tasks(const struct switch_order *order, struct switch_result *result)
{
    return run(order, result, measure_waiting);
}

static int measure_yielding(const struct switch_order *order, struct switch_result *result)
{
    return run(order, result, measure_ready);
}

const struct switch_kind switch_tasks = {
    .name = "tasks",
    .bytes_max = ROOM_TASK_BYTES,
    .measure = measure_tasks,
};

const struct switch_kind switch_tasks_yielding = {
    .name = "tasks (yielding)",
    .bytes_max = ROOM_TASK_BYTES,
    .measure = measure_yielding,
};

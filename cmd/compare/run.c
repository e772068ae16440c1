/* A run of dure compare: the chosen experiments one after another. */
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/compare/progress.h"
#include "cmd/compare/run.h"
#include "cmd/compare/schedule.h"

struct compare {
    const struct options *options;
    struct outcome *outcome; /* of the experiment that is under way */
    struct schedule schedule;
    struct progress progress;
    int64_t later_ns; /* what the experiments after it may take */
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void compare_plan(struct compare *compare, unsigned points)
{
    compare->schedule.points = points;
}

unsigned compare_rounds(const struct compare *compare)
{
    return compare->schedule.rounds;
}

bool compare_quick(const struct compare *compare)
{
    return compare->options->quick;
}

static void show(struct compare *compare, char *what)
{
    const struct schedule *schedule = &compare->schedule;
    unsigned a_round = schedule->points != 0 ? schedule->points : 1;

    progress_show(&compare->progress, schedule->begun, schedule->points * schedule->rounds,
                  (schedule->begun - 1) / a_round + 1, schedule->rounds,
                  schedule->end_ns - now_ns() + compare->later_ns, what);
    free(what);
}

int64_t compare_begin(struct compare *compare, const char *format, ...)
{
    va_list args;
    int64_t slice_ns;

    if (compare_interrupted())
        return 0;
    slice_ns = schedule_next(&compare->schedule, now_ns());
    if (slice_ns == 0)
        return 0;
    va_start(args, format);
    show(compare, memory_format(format, args));
    va_end(args);
    return slice_ns;
}

struct point *compare_point(struct compare *compare, const struct place *place)
{
    return outcome_point(compare->outcome, place);
}

void compare_setting(struct compare *compare, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    settings_add(&compare->outcome->settings, name, memory_format(format, args));
    va_end(args);
}

void compare_fail(struct compare *compare, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    texts_add(&compare->outcome->failures, memory_format(format, args));
    va_end(args);
}

static int run_one(struct compare *compare, struct results *results,
                   const struct experiment *experiment)
{
    int64_t budget_ns = options_budget_ns(compare->options, experiment), start_ns = now_ns();
    int result;

    compare->outcome = results_begin(results, experiment);
    compare->schedule = (struct schedule){ .end_ns = start_ns + budget_ns,
                                           .rounds = options_rounds(compare->options) };
    compare->later_ns -= budget_ns;
    compare->progress.name = experiment->name;
    result = experiment->run(compare);
    progress_clear(&compare->progress);
    compare->outcome->took_ns = now_ns() - start_ns;
    compare->outcome->complete =
        result == 0 && schedule_complete(&compare->schedule) && !compare_interrupted();
    return result;
}

int run_experiments(const struct options *options, struct results *results)
{
    struct compare compare = { .options = options };
    int result = 0;
    unsigned i;

    progress_init(&compare.progress);
    for (i = 0; options->chosen[i] != NULL; i++)
        compare.later_ns += options_budget_ns(options, options->chosen[i]);
    for (i = 0; options->chosen[i] != NULL && !compare_interrupted(); i++)
        if (run_one(&compare, results, options->chosen[i]) < 0)
            result = -1;
    results->interrupted = compare_interrupted();
    return result;
}

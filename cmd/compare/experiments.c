/* dure compare: what it can measure. */
#include <stddef.h>

#include "cmd/cmd.h"
#include "cmd/compare/experiments.h"
#include "cmd/compare/models.h"
#include "cmd/compare/run.h"

/* In the order in which they run. */
static const struct experiment *const experiments[] = {
    &experiment_models,
    &experiment_io,
    &experiment_switch,
    NULL,
};

int cmd_compare(int argc, char **argv)
{
    return compare_main(experiments, argc, argv);
}

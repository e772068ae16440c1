/* dure compare: what ways of serving many clients cost on this machine. */
#include <stdio.h>

#include "cmd/compare/interrupt.h"
#include "cmd/compare/report.h"
#include "cmd/compare/run.h"

int compare_main(const struct experiment *const *all, int argc, char **argv)
{
    struct options options = { 0 };
    struct results results = { 0 };
    int told = options_read(&options, all, argc, argv), result;

    if (told != 0)
        return told - 1;
    interrupt_watch();
    result = run_experiments(&options, &results);
    report_text(stdout, &results);
    results_fini(&results);
    return result < 0 ? 1 : 0;
}

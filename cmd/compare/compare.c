/* dure compare: what ways of serving many clients cost on this machine. */
#include <dure.h>
#include <stdio.h>
#include <string.h>

#include "cmd/compare/interrupt.h"
#include "cmd/compare/machine.h"
#include "cmd/compare/output.h"
#include "cmd/compare/report.h"
#include "cmd/compare/run.h"

/* Where the reports go; NULL: not asked for. */
struct outputs {
    FILE *json, *html;
};

static int open_outputs_or_say(struct outputs *outputs, const struct options *options)
{
    *outputs = (struct outputs){ NULL, NULL };
    if (options->json != NULL && (outputs->json = output_open_or_say(options->json)) == NULL)
        return -1;
    if (options->html != NULL && (outputs->html = output_open_or_say(options->html)) == NULL)
        return -1;
    return 0;
}

static void describe(struct results *results, const struct options *options)
{
    settings_addf(&results->settings, "repeats of each point", "%u", options_rounds(options));
    settings_addf(&results->settings, "kind of run", "%s%s", options->quick ? "quick" : "usual",
                  options->seconds != 0 ? ", with a time of its own" : "");
    machine_describe(&results->machine);
}

static int write_or_say(FILE *file, const char *path, const struct results *results,
                        int (*report)(FILE *, const struct results *))
{
    int result;

    if (file == NULL)
        return 0;
    output_begin(file);
    result = report(file, results);
    return output_close_or_say(file, path) < 0 || result < 0 ? -1 : 0;
}

/* The tables make way for a report on standard output. Returns: 0, or -1 if one failed. */
static int write_all(const struct outputs *outputs, const struct options *options,
                     const struct results *results)
{
    int result = 0;

    if (outputs->json != stdout && outputs->html != stdout)
        report_text(stdout, results);
    if (write_or_say(outputs->json, options->json, results, report_json) < 0)
        result = -1;
    if (write_or_say(outputs->html, options->html, results, report_html) < 0)
        result = -1;
    return output_close_or_say(stdout, "standard output") < 0 ? -1 : result;
}

int compare_main(const struct experiment *const *all, int argc, char **argv)
{
    struct options options = { 0 };
    struct results results = { 0 };
    struct outputs outputs;
    int told = options_read(&options, all, argc, argv), result;

    if (told != 0)
        return told - 1;
    if (open_outputs_or_say(&outputs, &options) < 0)
        return 1;
    interrupt_watch();
    machine_raise_limits();
    describe(&results, &options);
    result = run_experiments(&options, &results);
    machine_describe_after(&results.machine);
    if (write_all(&outputs, &options, &results) < 0)
        result = -1;
    results_fini(&results);
    return result < 0 ? 1 : 0;
}

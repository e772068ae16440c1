/* The report on the terminal. */
#include "cmd/compare/report.h"

static void print_point(FILE *out, const struct point *point)
{
    unsigned i;
    size_t j;

    fprintf(out, "%s, %g %s", point->series, point->x, point->experiment->x_title);
    for (i = 0; i < LABELS_MAX; i++)
        if (point->labels[i] != NULL)
            fprintf(out, ", %s", point->labels[i]);
    fputc('\n', out);
    for (i = 0; i < experiment_metrics(point->experiment); i++) {
        struct summary summary = samples_summary(&point->samples[i]);

        if (summary.len != 0)
            fprintf(out, "    %s: %g (%g to %g)\n", point->experiment->metrics[i].title,
                    summary.median, summary.min, summary.max);
    }
    for (j = 0; j < point->refusals.len; j++)
        fprintf(out, "    refused: %s\n", point->refusals.items[j]);
    for (j = 0; j < point->warnings.len; j++)
        fprintf(out, "    doubtful: %s\n", point->warnings.items[j]);
}

void report_text(FILE *out, const struct results *results)
{
    size_t i, j;

    for (i = 0; i < results->len; i++) {
        fprintf(out, "%s\n", results->outcomes[i].experiment->title);
        for (j = 0; j < results->outcomes[i].len; j++)
            print_point(out, results->outcomes[i].points[j]);
    }
}

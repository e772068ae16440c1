/* The report on the terminal: a table a chart, and what is to be seen there. */
#include <ctype.h>

#include "cmd/compare/findings.h"
#include "cmd/compare/remarks.h"
#include "cmd/compare/report.h"
#include "cmd/compare/text_out.h"
#include "cmd/compare/text_table.h"

static void print_settings(const struct text_out *out, const struct settings *settings)
{
    char mark[64];
    size_t i;

    for (i = 0; i < settings->len; i++) {
        snprintf(mark, sizeof mark, "%-24s", settings->items[i].name);
        text_wrapped(out, mark, settings->items[i].text);
    }
}

static void print_under(const struct text_out *out, const struct metric *metric)
{
    static const char *const of[] = { [BETTER_LOWER] = "lower is better",
                                      [BETTER_HIGHER] = "higher is better",
                                      [BETTER_NEITHER] = "" };

    fprintf(out->file, "%c%s%s%s\n\n", toupper((unsigned char)metric->title[0]), metric->title + 1,
            of[metric->better][0] != '\0' ? ", " : "", of[metric->better]);
}

static void print_remarks(const struct text_out *out, const struct view *view, const char *mark,
                          enum remark kind)
{
    struct texts remarks = { 0 };
    size_t i;

    remarks_collect(&remarks, view, kind);
    for (i = 0; i < remarks.len; i++)
        text_wrapped(out, mark, remarks.items[i]);
    texts_fini(&remarks);
}

static void print_chart(const struct text_out *out, const struct view *view)
{
    struct sentences sentences;
    size_t i;

    fputc('\n', out->file);
    text_heading(out, view->chart->title);
    print_under(out, view->metric);
    text_table(out, view);
    fputc('\n', out->file);
    sentences_init(&sentences, view);
    for (i = 0; i < sentences.texts.len; i++)
        text_wrapped(out, "  - ", sentences.texts.items[i]);
    sentences_fini(&sentences);
    print_remarks(out, view, "  — ", REMARK_REFUSAL);
    print_remarks(out, view, "  ! ", REMARK_WARNING);
}

static void print_outcome(const struct text_out *out, const struct results *results,
                          const struct outcome *outcome)
{
    const struct chart *chart;
    struct view view;
    size_t i;

    fputc('\n', out->file);
    text_heading(out, outcome->experiment->title);
    text_wrapped(out, "", outcome->experiment->about);
    print_settings(out, &outcome->settings);
    for (i = 0; i < outcome->failures.len; i++)
        text_wrapped(out, "FAILED: ", outcome->failures.items[i]);
    for (chart = outcome->experiment->charts; chart->name != NULL; chart++) {
        view_init(&view, results, outcome->experiment, chart);
        if (view_has_figures(&view))
            print_chart(out, &view);
        view_fini(&view);
    }
}

void report_text(FILE *file, const struct results *results)
{
    struct text_out out;
    size_t i;

    text_out_init(&out, file);
    text_heading(&out, "dure compare");
    print_settings(&out, &results->machine);
    print_settings(&out, &results->settings);
    for (i = 0; i < results->len; i++)
        print_outcome(&out, results, &results->outcomes[i]);
    fputc('\n', out.file);
    text_wrapped(&out, "",
                 "Figures are medians of the repeats. ~ the repeats differ by more than a tenth; "
                 "— refused, or beyond a limit; ! doubtful.");
    if (results->interrupted)
        text_wrapped(&out, "", "The run was interrupted: this is what was measured until then.");
}

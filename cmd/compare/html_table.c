/* The page's tables. */
#include <math.h>
#include <stdlib.h>

#include "cmd/compare/format.h"
#include "cmd/compare/html.h"
#include "cmd/compare/memory.h"

static void figure(FILE *out, enum unit unit, const struct point *point,
                   const struct summary *summary)
{
    fprintf(out, "<td>%s%s", shown(unit, summary->median).text,
            point->warnings.len != 0 ? "<i>!</i>" : "");
    if (summary->max > summary->min) {
        fprintf(out, "<small>%s", shown(unit, summary->min).text);
        fprintf(out, " to %s</small>", shown(unit, summary->max).text);
    }
    fputs("</td>", out);
}

static void cell(FILE *out, const struct view *view, const struct mark *mark)
{
    if (mark == NULL) {
        fputs("<td></td>", out);
    } else if (mark->y.len == 0) {
        fputs("<td>—</td>", out);
    } else {
        figure(out, view->metric->unit, mark->point, &mark->y);
    }
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Returns: all x of a view, rising, each once; the caller frees them. */
static double *all_x(const struct view *view, unsigned *len)
{
    double *all = NULL;
    unsigned i, j, k;

    *len = 0;
    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++) {
            for (k = 0; k < *len && all[k] != view->lines[i].marks[j].at; k++)
                ;
            if (k < *len)
                continue;
            all = memory_resize(all, (*len + 1) * sizeof *all);
            all[(*len)++] = view->lines[i].marks[j].at;
        }
    if (all != NULL)
        qsort(all, *len, sizeof *all, by_value);
    return all;
}

static void row(FILE *out, const struct view *view, const struct line *line, const double *all,
                unsigned len)
{
    unsigned j;

    fputs("<tr><th scope=\"row\">", out);
    html_text(out, line->series);
    fputs("</th>", out);
    for (j = 0; j < len; j++)
        cell(out, view, line_at(line, all[j]));
    fputs("</tr>\n", out);
}

void html_chart_table(FILE *out, const struct view *view)
{
    unsigned len, i, j;
    double *all = all_x(view, &len);

    fputs("<details><summary>The figures</summary><div class=\"scroll\"><table>\n<thead><tr>"
          "<th scope=\"col\">",
          out);
    html_text(out, view->experiment->x_title);
    fputs("</th>", out);
    for (j = 0; j < len; j++)
        fprintf(out, "<th scope=\"col\">%s</th>", shown_count(all[j]).text);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (i = 0; i < view->len; i++)
        row(out, view, &view->lines[i], all, len);
    fputs("</tbody></table></div></details>\n", out);
    free(all);
}

static void point(FILE *out, const struct point *point)
{
    const struct metric *metrics = point->experiment->metrics;
    struct summary summary;
    unsigned i;

    fputs("<tr><th scope=\"row\">", out);
    html_text(out, point->series);
    fprintf(out, "</th><td>%s</td>", shown_count(point->x).text);
    for (i = 0; point->experiment->labels != NULL && point->experiment->labels[i] != NULL; i++) {
        fputs("<td class=\"label\">", out);
        html_text(out, point->labels[i] != NULL ? point->labels[i] : "");
        fputs("</td>", out);
    }
    for (i = 0; metrics[i].name != NULL; i++) {
        summary = samples_summary(&point->samples[i]);
        if (summary.len != 0)
            figure(out, metrics[i].unit, point, &summary);
        else
            fputs(point->refusals.len != 0 ? "<td>—</td>" : "<td></td>", out);
    }
    fputs("</tr>\n", out);
}

static void column(FILE *out, const char *title)
{
    fputs("<th scope=\"col\">", out);
    html_text(out, title);
    fputs("</th>", out);
}

void html_points(FILE *out, const struct outcome *outcome)
{
    const struct experiment *experiment = outcome->experiment;
    size_t i;

    fprintf(out,
            "<details><summary>All %zu points with all that was measured</summary>"
            "<div class=\"scroll\"><table class=\"all\">\n<thead><tr><th></th>",
            outcome->len);
    column(out, experiment->x_title);
    for (i = 0; experiment->labels != NULL && experiment->labels[i] != NULL; i++)
        column(out, experiment->labels[i]);
    for (i = 0; experiment->metrics[i].name != NULL; i++)
        column(out, experiment->metrics[i].title);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (i = 0; i < outcome->len; i++)
        point(out, outcome->points[i]);
    fputs("</tbody></table></div></details>\n", out);
}

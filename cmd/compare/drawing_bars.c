/* A metric at one x: a bar a series, the best on top unless the chart has an order of its own. On a
   logarithmic scale, where a bar would have no beginning, a sign on a thin line. */
#include <stdlib.h>

#include "cmd/compare/drawing.h"
#include "cmd/compare/format.h"
#include "cmd/compare/html.h"
#include "cmd/compare/memory.h"
#include "cmd/compare/remarks.h"

#define ROW_WIDE 28
#define ROW_NARROW 44 /* the name has a line of its own */
#define BAR 16

static int lowest_first(const void *a, const void *b)
{
    const struct mark *left = (*(const struct line *const *)a)->marks;
    const struct mark *right = (*(const struct line *const *)b)->marks;

    if (left->y.len == 0 || right->y.len == 0)
        return (left->y.len == 0) - (right->y.len == 0);
    return (left->y.median > right->y.median) - (left->y.median < right->y.median);
}

static int highest_first(const void *a, const void *b)
{
    const struct mark *left = (*(const struct line *const *)a)->marks;
    const struct mark *right = (*(const struct line *const *)b)->marks;

    if (left->y.len == 0 || right->y.len == 0)
        return (left->y.len == 0) - (right->y.len == 0);
    return -lowest_first(a, b);
}

static void name(const struct drawing *drawing, const struct line *line, double middle)
{
    double x = drawing->wide ? drawing->left - 10 : 0, y = middle + (drawing->wide ? 4.5 : -13);

    fprintf(drawing->out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y,
            drawing->wide ? "end" : "start");
    html_text(drawing->out, line->series);
    fputs("</text>", drawing->out);
}

/* Returns: where the value can be written. */
static double spread(const struct drawing *drawing, const struct mark *mark, double middle)
{
    double low = scale_at(&drawing->x, mark->y.min), high = scale_at(&drawing->x, mark->y.max);

    if (high - low >= 2)
        fprintf(drawing->out,
                "<path class=\"spread\" d=\"M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f %.1fv8\"/>", low,
                middle, high, low, middle - 4, high, middle - 4);
    return high;
}

static void figure(const struct drawing *drawing, const struct line *line, double middle)
{
    const struct mark *mark = line->marks;
    double end = scale_at(&drawing->x, mark->y.median), high;

    fputs("<g class=\"mark\">", drawing->out);
    drawing_tip(drawing, mark);
    if (drawing->x.log) {
        fprintf(drawing->out, "<path class=\"guide\" d=\"M%.1f %.1fH%.1f\"/>", drawing->left,
                middle, end);
        look_sign(drawing->out, look_of(drawing->outcome, line->series), end, middle);
    } else {
        fprintf(drawing->out,
                "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>",
                drawing->left, middle - BAR / 2.0,
                end - drawing->left > 1.5 ? end - drawing->left : 1.5, BAR);
    }
    fputs("</g>", drawing->out);
    high = spread(drawing, mark, middle);
    fprintf(drawing->out, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">%s</text>", high + 10,
            middle + 4.5, shown(drawing->view->metric->unit, mark->y.median).text);
}

static void row(const struct drawing *drawing, const struct line *line, double middle)
{
    drawing_series_open(drawing, line);
    name(drawing, line, middle);
    if (line->marks->y.len != 0) {
        figure(drawing, line, middle);
    } else {
        fprintf(drawing->out, "<text class=\"refused\" x=\"%.1f\" y=\"%.1f\">", drawing->left,
                middle + 4.5);
        html_text(drawing->out,
                  remark_text(line->marks->point, line->marks->point->refusals.items[0]));
        fputs("</text>", drawing->out);
    }
    drawing_series_close(drawing);
}

static void axis(const struct drawing *drawing)
{
    enum unit unit = drawing->view->metric->unit;
    FILE *out = drawing->out;
    unsigned i;

    fputs("<text class=\"axis\" x=\"0\" y=\"14\">", out);
    html_title(out, drawing->view->metric->title);
    fprintf(out, "%s%s</text>\n",
            drawing->view->metric->better == BETTER_LOWER    ? ", lower is better"
            : drawing->view->metric->better == BETTER_HIGHER ? ", higher is better"
                                                             : "",
            drawing->x.log ? " (logarithmic)" : "");
    for (i = 0; i < drawing->x.len; i++) {
        double x = scale_at(&drawing->x, drawing->x.ticks[i]);

        fprintf(out,
                "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><text class=\"value\" x=\"%.1f\" "
                "y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                x, drawing->top, drawing->bottom, x, drawing->bottom + 18,
                drawing_tick(unit, drawing->x.ticks[i]).text);
    }
}

static void layout(struct drawing *drawing)
{
    double least, largest, rows = drawing->view->len;

    drawing->width = drawing->wide ? 800 : 360;
    drawing->left = drawing->wide ? 210 : 6;
    drawing->right = drawing->width - 84;
    drawing->top = 26;
    drawing->bottom = drawing->top + rows * (drawing->wide ? ROW_WIDE : ROW_NARROW) + 4;
    drawing->height = drawing->bottom + 26;
    view_range(drawing->view, false, &least, &largest);
    scale_init(&drawing->x, drawing->view->metric->unit, drawing->view->chart->log_y, least,
               largest, drawing->wide ? 6 : 4);
    scale_place(&drawing->x, drawing->left, drawing->right);
}

void drawing_bars(struct drawing *drawing)
{
    const struct view *view = drawing->view;
    const struct line **lines = memory_resize(NULL, view->len * sizeof *lines);
    double height = drawing->wide ? ROW_WIDE : ROW_NARROW;
    unsigned i;

    for (i = 0; i < view->len; i++)
        lines[i] = &view->lines[i];
    if (view->chart->series == NULL)
        qsort(lines, view->len, sizeof *lines,
              view->metric->better == BETTER_HIGHER ? highest_first : lowest_first);
    layout(drawing);
    drawing_open(drawing);
    axis(drawing);
    for (i = 0; i < view->len; i++)
        row(drawing, lines[i],
            drawing->top + 2 + height * i + (drawing->wide ? height / 2 : height - 14));
    drawing_close(drawing);
    free(lines);
}

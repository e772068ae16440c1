/* What is around the figures of a chart. */
#include <math.h>
#include <string.h>

#include "cmd/compare/drawing.h"
#include "cmd/compare/format.h"
#include "cmd/compare/html.h"

static const char *better_words(const struct metric *metric)
{
    switch (metric->better) {
    case BETTER_LOWER:
        return ", lower is better";
    case BETTER_HIGHER:
        return ", higher is better";
    case BETTER_NEITHER:
        break;
    }
    return "";
}

struct shown drawing_tick(enum unit unit, double value)
{
    return value == 0 || unit == UNIT_COUNT ? shown_count(value) : shown(unit, value);
}

void drawing_open(const struct drawing *drawing)
{
    FILE *out = drawing->out;

    fprintf(out, "<svg class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
            drawing->wide ? "wide" : "narrow", drawing->width, drawing->height);
    html_text(out, drawing->view->chart->title);
    fputs("; its figures are in the table below\">\n", out);
}

void drawing_close(const struct drawing *drawing)
{
    fputs("</svg>\n", drawing->out);
}

static void x_axis(const struct drawing *drawing, enum unit unit, const char *title)
{
    FILE *out = drawing->out;
    unsigned i;

    for (i = 0; i < drawing->x.len; i++) {
        double x = scale_at(&drawing->x, drawing->x.ticks[i]);
        struct shown text = drawing_tick(unit, drawing->x.ticks[i]);

        fprintf(out,
                "<path class=\"tick\" d=\"M%.1f %.1fv5\"/><text class=\"value\" x=\"%.1f\" "
                "y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                x, drawing->bottom, x, drawing->bottom + 20, text.text);
    }
    fprintf(out, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", drawing->right,
            drawing->bottom + 40);
    html_title(out, title);
    fprintf(out, "%s</text>\n", drawing->x.log ? " (logarithmic)" : "");
}

void drawing_axes(const struct drawing *drawing, enum unit x_unit, const char *x_title,
                  const char *y_title)
{
    const struct metric *metric = drawing->view->metric;
    FILE *out = drawing->out;
    unsigned i;

    fputs("<text class=\"axis\" x=\"0\" y=\"14\">", out);
    html_title(out, y_title);
    fprintf(out, "%s%s</text>\n", better_words(metric), drawing->y.log ? " (logarithmic)" : "");
    for (i = 0; i < drawing->y.len; i++) {
        double y = scale_at(&drawing->y, drawing->y.ticks[i]);

        fprintf(out,
                "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text class=\"value\" x=\"%.1f\" "
                "y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                drawing->left, y, drawing->right, drawing->left - 8, y + 4.5,
                drawing_tick(metric->unit, drawing->y.ticks[i]).text);
    }
    fprintf(out, "<path class=\"base\" d=\"M%.1f %.1fH%.1f\"/>\n", drawing->left, drawing->bottom,
            drawing->right);
    x_axis(drawing, x_unit, x_title);
}

void drawing_series_open(const struct drawing *drawing, const struct line *line)
{
    fputs("<g class=\"series ", drawing->out);
    look_classes(drawing->out, look_of(drawing->outcome, line->series));
    fputs(look_is_strong(drawing->view->experiment, line->series) ? " strong\">" : "\">",
          drawing->out);
}

void drawing_series_close(const struct drawing *drawing)
{
    fputs("</g>\n", drawing->out);
}

void drawing_tip(const struct drawing *drawing, const struct mark *mark)
{
    enum unit unit = drawing->view->metric->unit;
    FILE *out = drawing->out;

    fputs("<title>", out);
    html_text(out, mark->point->series);
    fprintf(out, ", %s ", shown_count(mark->at).text);
    html_text(out, drawing->view->experiment->x_title);
    fprintf(out, ": %s", shown(unit, mark->y.median).text);
    if (mark->y.max > mark->y.min) {
        fprintf(out, " (%s", shown(unit, mark->y.min).text);
        fprintf(out, " to %s)", shown(unit, mark->y.max).text);
    }
    fputs("</title>", out);
}

const struct mark *line_end(const struct line *line)
{
    unsigned i;

    for (i = line->len; i != 0; i--)
        if (line->marks[i - 1].y.len != 0)
            return &line->marks[i - 1];
    return NULL;
}

static void widen(double value, double *least, double *largest)
{
    if (value > 0 && (*least == 0 || value < *least))
        *least = value;
    *largest = fmax(*largest, value);
}

void view_range(const struct view *view, bool over, double *least, double *largest)
{
    const struct summary *summary;
    unsigned i, j;

    *least = *largest = 0;
    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++) {
            if (view->lines[i].marks[j].y.len == 0)
                continue;
            summary = over ? &view->lines[i].marks[j].over : &view->lines[i].marks[j].y;
            widen(summary->min, least, largest);
            widen(summary->max, least, largest);
        }
}

/* A metric over x, or over another metric: a line a series. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/drawing.h"
#include "cmd/compare/html.h"

/* A spread that would be lost under the sign is not drawn. */
#define WHISKER_MIN 3
#define X_TICKS_MAX 8

static void whisker(const struct drawing *drawing, const struct mark *mark)
{
    double x = scale_at(&drawing->x, mark->x);
    double low = scale_at(&drawing->y, mark->y.min), high = scale_at(&drawing->y, mark->y.max);

    if (low - high >= WHISKER_MIN)
        fprintf(drawing->out,
                "<path class=\"spread\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh8M%.1f %.1fh8\"/>", x, low,
                high, x - 4, low, x - 4, high);
    if (drawing->view->over == NULL)
        return;
    low = scale_at(&drawing->x, mark->over.min);
    high = scale_at(&drawing->x, mark->over.max);
    if (high - low >= WHISKER_MIN)
        fprintf(drawing->out, "<path class=\"spread\" d=\"M%.1f %.1fH%.1f\"/>", low,
                scale_at(&drawing->y, mark->y.median), high);
}

static void path(const struct drawing *drawing, const struct line *line)
{
    char step = 'M';
    unsigned i;

    fputs("<path class=\"line\" d=\"", drawing->out);
    for (i = 0; i < line->len; i++) {
        if (line->marks[i].y.len == 0)
            continue;
        fprintf(drawing->out, "%c%.1f %.1f", step, scale_at(&drawing->x, line->marks[i].x),
                scale_at(&drawing->y, line->marks[i].y.median));
        step = 'L';
    }
    fputs("\"/>", drawing->out);
}

/* A line that was refused further on ends in a cross. */
static void stop(const struct drawing *drawing, const struct line *line)
{
    const struct mark *end = line_end(line);
    double x, y;

    if (end == NULL || end == &line->marks[line->len - 1])
        return;
    x = scale_at(&drawing->x, end->x) + 18;
    y = scale_at(&drawing->y, end->y.median);
    fprintf(drawing->out, "<path class=\"stop\" d=\"M%.1f %.1fh10M%.1f %.1fl7 7M%.1f %.1fl7 -7\"/>",
            x - 12, y, x - 1, y - 3.5, x - 1, y + 3.5);
}

static void series(const struct drawing *drawing, const struct line *line)
{
    unsigned i, look = look_of(drawing->outcome, line->series);

    drawing_series_open(drawing, line);
    path(drawing, line);
    stop(drawing, line);
    for (i = 0; i < line->len; i++)
        if (line->marks[i].y.len != 0)
            whisker(drawing, &line->marks[i]);
    for (i = 0; i < line->len; i++) {
        if (line->marks[i].y.len == 0)
            continue;
        fputs("<g class=\"mark\">", drawing->out);
        drawing_tip(drawing, &line->marks[i]);
        look_sign(drawing->out, look, scale_at(&drawing->x, line->marks[i].x),
                  scale_at(&drawing->y, line->marks[i].y.median));
        fputs("</g>", drawing->out);
    }
    drawing_series_close(drawing);
}

static bool has_tick(const struct scale *scale, double at)
{
    unsigned i;

    for (i = 0; i < scale->len; i++)
        if (scale->ticks[i] == at)
            return true;
    return false;
}

/* The x that were measured are the ticks, if they are not too many. */
static void x_ticks(struct scale *scale, const struct view *view)
{
    struct scale measured = *scale;
    unsigned i, j;

    measured.len = 0;
    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++) {
            if (has_tick(&measured, view->lines[i].marks[j].at))
                continue;
            if (measured.len == X_TICKS_MAX)
                return;
            measured.ticks[measured.len++] = view->lines[i].marks[j].at;
        }
    *scale = measured;
}

/* The x of all marks, refused ones too: the axis shows how far it was tried. */
static void x_range(const struct view *view, double *least, double *largest)
{
    unsigned i, j;

    *least = *largest = 0;
    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++) {
            double at = view->lines[i].marks[j].at;

            if (at > 0 && (*least == 0 || at < *least))
                *least = at;
            *largest = fmax(*largest, at);
        }
}

static void scales(struct drawing *drawing)
{
    const struct view *view = drawing->view;
    unsigned wanted = drawing->wide ? 6 : 5;
    double least, largest;

    view_range(view, false, &least, &largest);
    scale_init(&drawing->y, view->metric->unit, view->chart->log_y, least, largest, wanted);
    scale_place(&drawing->y, drawing->bottom, drawing->top);
    if (view->over != NULL) {
        view_range(view, true, &least, &largest);
        scale_init(&drawing->x, view->over->unit, view->chart->log_x, least, largest,
                   drawing->wide ? 6 : 4);
    } else {
        x_range(view, &least, &largest);
        scale_init(&drawing->x, UNIT_COUNT, view->chart->log_x, least, largest, wanted);
        x_ticks(&drawing->x, view);
    }
    scale_place(&drawing->x, drawing->left, drawing->right);
}

/* Names at the right have to fit one above the other. */
static void layout(struct drawing *drawing)
{
    double names = 17.0 * drawing->view->len + 40;

    drawing->width = drawing->wide ? 800 : 360;
    drawing->left = drawing->wide ? 68 : 62;
    drawing->right = drawing->wide ? fmax(400, 800 - drawing_labels_width(drawing->view)) : 334;
    drawing->top = 30;
    drawing->bottom = drawing->wide ? fmax(360, names) : 270;
    drawing->height = drawing->bottom + 48;
}

void drawing_lines(struct drawing *drawing)
{
    const struct view *view = drawing->view;
    unsigned i;

    layout(drawing);
    scales(drawing);
    drawing_open(drawing);
    drawing_axes(drawing, view->over != NULL ? view->over->unit : UNIT_COUNT,
                 view->over != NULL ? view->over->title : view->experiment->x_title,
                 view->metric->title);
    if (drawing->wide)
        drawing_labels(drawing);
    for (i = 0; i < view->len; i++)
        series(drawing, &view->lines[i]);
    drawing_close(drawing);
}

/* The names at the ends of the lines, pushed apart where they would overlap. */
#include <math.h>
#include <stdlib.h>

#include "cmd/compare/drawing.h"
#include "cmd/compare/format.h"
#include "cmd/compare/html.h"
#include "cmd/compare/memory.h"

#define LABEL_HEIGHT 17
#define LABEL_GAP 16 /* from the area to the names */

struct label {
    const struct line *line;
    const struct mark *end;
    double x, y; /* the end of the line */
    double at;   /* where the name is */
};

static int by_height(const void *a, const void *b)
{
    double left = ((const struct label *)a)->y, right = ((const struct label *)b)->y;

    return (left > right) - (left < right);
}

/* Downwards each keeps its distance from the one above; what then lies too low is pushed up
   again. */
static void spread(struct label *labels, unsigned len, double low)
{
    unsigned i;

    for (i = 1; i < len; i++)
        labels[i].at = fmax(labels[i].at, labels[i - 1].at + LABEL_HEIGHT);
    for (i = len; i != 0; i--) {
        labels[i - 1].at = fmin(labels[i - 1].at, low);
        low = labels[i - 1].at - LABEL_HEIGHT;
    }
}

static void draw(const struct drawing *drawing, const struct label *label)
{
    double x = drawing->right + LABEL_GAP;
    FILE *out = drawing->out;

    drawing_series_open(drawing, label->line);
    fprintf(out, "<path class=\"lead\" d=\"M%.1f %.1fH%.1fL%.1f %.1f\"/>", label->x + 7, label->y,
            drawing->right + 2, x - 3, label->at);
    fprintf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x, label->at + 4.5);
    html_text(out, label->line->series);
    fprintf(out, " <tspan class=\"value\">%s",
            shown(drawing->view->metric->unit, label->end->y.median).text);
    if (label->end != &label->line->marks[label->line->len - 1])
        fprintf(out, " at %s", shown_count(label->end->at).text);
    fputs("</tspan></text>", out);
    drawing_series_close(drawing);
}

void drawing_labels(const struct drawing *drawing)
{
    const struct view *view = drawing->view;
    struct label *labels = memory_resize(NULL, view->len * sizeof *labels);
    unsigned i, len = 0;

    for (i = 0; i < view->len; i++) {
        const struct mark *end = line_end(&view->lines[i]);
        struct label label = { .line = &view->lines[i], .end = end };

        if (end == NULL)
            continue;
        label.x = scale_at(&drawing->x, end->x);
        label.y = label.at = scale_at(&drawing->y, end->y.median);
        labels[len++] = label;
    }
    qsort(labels, len, sizeof *labels, by_height);
    spread(labels, len, drawing->bottom);
    for (i = 0; i < len; i++)
        draw(drawing, &labels[i]);
    free(labels);
}

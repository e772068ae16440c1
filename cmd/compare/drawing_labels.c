/* The names at the ends of the lines, pushed apart where they would overlap. */
#include <math.h>
#include <stdlib.h>

#include "cmd/compare/drawing.h"
#include "cmd/compare/format.h"
#include "cmd/compare/html.h"
#include "cmd/compare/memory.h"

#define LABEL_HEIGHT 17
#define LABEL_GAP 16  /* from the area to the signs */
#define LABEL_SIGN 14 /* from there to the names */
/* Of the fonts that the style names, at its size: few are wider. */
#define CHAR_WIDTH 7.1

struct label {
    const struct line *line;
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
    char *words = line_end_words(drawing->view, label->line);
    FILE *out = drawing->out;

    drawing_series_open(drawing, label->line);
    fprintf(out, "<path class=\"leader\" d=\"M%.1f %.1fH%.1fL%.1f %.1f\"/>", label->x + 7, label->y,
            drawing->right + 2, x - 3, label->at);
    look_sign(out, look_of(drawing->outcome, label->line->series), x + 4, label->at);
    fprintf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x + LABEL_SIGN, label->at + 4.5);
    html_text(out, label->line->series);
    fprintf(out, " <tspan class=\"value\">%s</tspan></text>", words);
    drawing_series_close(drawing);
    free(words);
}

char *line_end_words(const struct view *view, const struct line *line)
{
    const struct mark *end = line_end(line);

    if (end == NULL)
        return memory_copy("");
    if (end == &line->marks[line->len - 1])
        return text_format("%s", shown(view->metric->unit, end->y.median).text);
    return text_format("%s at %s", shown(view->metric->unit, end->y.median).text,
                       shown_count(end->at).text);
}

double drawing_labels_width(const struct view *view)
{
    double width = 0;
    unsigned i;

    for (i = 0; i < view->len; i++) {
        char *words = line_end_words(view, &view->lines[i]);

        width = fmax(width, CHAR_WIDTH * (double)(text_columns(view->lines[i].series) + 1 +
                                                  text_columns(words)));
        free(words);
    }
    return LABEL_GAP + LABEL_SIGN + width;
}

void drawing_labels(const struct drawing *drawing)
{
    const struct view *view = drawing->view;
    struct label *labels = memory_resize(NULL, view->len * sizeof *labels);
    unsigned i, len = 0;

    for (i = 0; i < view->len; i++) {
        const struct mark *end = line_end(&view->lines[i]);
        struct label label = { .line = &view->lines[i] };

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

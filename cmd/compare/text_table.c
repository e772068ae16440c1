/* A chart as a table: a row a series, a column an x. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/format.h"
#include "cmd/compare/memory.h"
#include "cmd/compare/results.h"
#include "cmd/compare/text_table.h"

#define NAME_COLUMNS_MAX 28
#define GAP 2
#define BAR_COLUMNS_MIN 8
#define BAR_COLUMNS_MAX 30
/* Repeats further apart than that part of the median are marked. */
#define SPREAD_WIDE 0.1

/* One column: a metric at an x; in a cloud at the last x of each series. */
struct column {
    double at;
    bool last; /* whatever the x, the last with a figure */
    bool over; /* the metric to the right */
};

struct table {
    const struct view *view;
    struct column *columns;
    unsigned len, name_columns, cell_columns;
};

static const struct mark *mark_of(const struct column *column, const struct line *line)
{
    unsigned i;

    if (!column->last)
        return line_at(line, column->at);
    for (i = line->len; i != 0; i--)
        if (line->marks[i - 1].y.len != 0)
            return &line->marks[i - 1];
    return NULL;
}

/* Returns: what stands behind a value: ! if it is doubtful, ~ if its repeats lie far apart. */
static const char *sign(const struct mark *mark, const struct summary *summary)
{
    if (mark->point->warnings.len != 0)
        return "!";
    return summary->max - summary->min > SPREAD_WIDE * summary->median ? "~" : " ";
}

/* Returns: what stands in a cell: a value; a dash for what was refused; nothing for what was not
   measured. */
static struct shown cell(const struct table *table, const struct column *column,
                         const struct line *line)
{
    const struct mark *mark = mark_of(column, line);
    const struct metric *metric = column->over ? table->view->over : table->view->metric;
    const struct summary *summary;
    struct shown text = { "" };

    if (mark == NULL)
        return text;
    if (mark->y.len == 0)
        return (struct shown){ "—" };
    summary = column->over ? &mark->over : &mark->y;
    text = shown(metric->unit, summary->median);
    strcat(text.text, sign(mark, summary));
    return text;
}

static struct shown head(const struct table *table, const struct column *column)
{
    struct shown text;

    if (column->last) {
        snprintf(text.text, sizeof text.text, "%.20s ",
                 column->over ? table->view->over->title : table->view->metric->title);
        return text;
    }
    text = shown_count(column->at);
    strcat(text.text, " ");
    return text;
}

static void column_add(struct table *table, struct column column)
{
    table->columns = memory_resize(table->columns, (table->len + 1) * sizeof *table->columns);
    table->columns[table->len++] = column;
}

static int by_at(const void *a, const void *b)
{
    double left = ((const struct column *)a)->at, right = ((const struct column *)b)->at;

    return (left > right) - (left < right);
}

static bool has_column(const struct table *table, double at)
{
    unsigned i;

    for (i = 0; i < table->len; i++)
        if (table->columns[i].at == at)
            return true;
    return false;
}

static void choose_columns(struct table *table)
{
    const struct view *view = table->view;
    unsigned i, j;

    if (view->chart->kind == CHART_CLOUD) {
        column_add(table, (struct column){ .last = true, .over = true });
        column_add(table, (struct column){ .last = true });
        return;
    }
    for (i = 0; i < view->len; i++)
        for (j = 0; j < view->lines[i].len; j++)
            if (!has_column(table, view->lines[i].marks[j].at))
                column_add(table, (struct column){ .at = view->lines[i].marks[j].at });
    if (table->len != 0)
        qsort(table->columns, table->len, sizeof *table->columns, by_at);
}

static unsigned larger(unsigned a, size_t b)
{
    return a > b ? a : (unsigned)b;
}

static void measure(struct table *table)
{
    unsigned i, j;

    table->name_columns = (unsigned)text_columns(table->view->experiment->x_title);
    for (i = 0; i < table->view->len; i++)
        table->name_columns =
            larger(table->name_columns, text_columns(table->view->lines[i].series));
    if (table->name_columns > NAME_COLUMNS_MAX)
        table->name_columns = NAME_COLUMNS_MAX;
    for (j = 0; j < table->len; j++) {
        table->cell_columns =
            larger(table->cell_columns, text_columns(head(table, &table->columns[j]).text));
        for (i = 0; i < table->view->len; i++)
            table->cell_columns =
                larger(table->cell_columns,
                       text_columns(cell(table, &table->columns[j], &table->view->lines[i]).text));
    }
    table->cell_columns += GAP - 1;
}

static double largest(const struct table *table, const struct column *column)
{
    const struct mark *mark;
    double max = 0;
    unsigned i;

    for (i = 0; i < table->view->len; i++) {
        mark = mark_of(column, &table->view->lines[i]);
        if (mark != NULL && mark->y.len != 0)
            max = fmax(max, mark->y.median);
    }
    return max;
}

static void print_row(const struct text_out *out, const struct table *table,
                      const struct line *line, unsigned from, unsigned to, unsigned bar)
{
    const struct mark *mark = mark_of(&table->columns[to - 1], line);
    double max = largest(table, &table->columns[to - 1]);
    unsigned i;

    text_left(out, line->series, table->name_columns);
    for (i = from; i < to; i++)
        text_right(out, cell(table, &table->columns[i], line).text, table->cell_columns);
    if (bar != 0 && mark != NULL && mark->y.len != 0 && max > 0) {
        fputc(' ', out->file);
        text_bar(out, mark->y.median / max, bar);
    }
    fputc('\n', out->file);
}

/* The columns from `from` on that fit. The bar is for the last of all. */
static unsigned print_block(const struct text_out *out, const struct table *table, unsigned from)
{
    unsigned room = out->columns - table->name_columns, fit = room / table->cell_columns;
    unsigned to = from + (fit != 0 ? fit : 1), i, bar = 0;

    if (to >= table->len) {
        to = table->len;
        room -= (to - from) * table->cell_columns;
        bar = out->bars && room > BAR_COLUMNS_MIN ? room - 1 : 0;
    }
    text_left(out, table->columns[from].last ? "" : table->view->experiment->x_title,
              table->name_columns);
    for (i = from; i < to; i++)
        text_right(out, head(table, &table->columns[i]).text, table->cell_columns);
    fputc('\n', out->file);
    for (i = 0; i < table->view->len; i++)
        print_row(out, table, &table->view->lines[i], from, to,
                  bar < BAR_COLUMNS_MAX ? bar : BAR_COLUMNS_MAX);
    return to;
}

void text_table(const struct text_out *out, const struct view *view)
{
    struct table table = { .view = view };
    unsigned from = 0;

    choose_columns(&table);
    measure(&table);
    while (from < table.len)
        from = print_block(out, &table, from);
    free(table.columns);
}

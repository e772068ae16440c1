/* A page with charts that needs nothing else: no network, no script. */
#include <string.h>

#include "cmd/compare/html.h"
#include "cmd/compare/report.h"

/* The style sheet, page.css. */
extern const char page_css[];

static const char *setting_of(const struct settings *settings, const char *name)
{
    size_t i;

    for (i = 0; i < settings->len; i++)
        if (strcmp(settings->items[i].name, name) == 0)
            return settings->items[i].text;
    return "";
}

static void head(FILE *out, const struct results *results)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>dure compare, ",
          out);
    html_text(out, setting_of(&results->machine, "date"));
    fputs("</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n", out);
    fputs(page_css, out);
    fputs("</style>\n</head>\n<body>\n", out);
}

static void settings_list(FILE *out, const struct settings *settings)
{
    size_t i;

    if (settings->len == 0)
        return;
    fputs("<dl class=\"facts\">\n", out);
    for (i = 0; i < settings->len; i++) {
        fputs("<div><dt>", out);
        html_text(out, settings->items[i].name);
        fputs("</dt><dd>", out);
        html_sentence(out, settings->items[i].text);
        fputs("</dd></div>\n", out);
    }
    fputs("</dl>\n", out);
}

/* Finds how often the points that have figures were measured. */
static void count_repeats(const struct results *results, size_t *least, size_t *most)
{
    const struct point *point;
    size_t i, j;
    unsigned k;

    *least = *most = 0;
    for (i = 0; i < results->len; i++)
        for (j = 0; j < results->outcomes[i].len; j++) {
            point = results->outcomes[i].points[j];
            for (k = 0; k < experiment_metrics(point->experiment); k++) {
                size_t len = point->samples[k].len;

                if (len != 0 && (*least == 0 || len < *least))
                    *least = len;
                if (len > *most)
                    *most = len;
            }
        }
}

static void how_often(FILE *out, const struct results *results)
{
    size_t least, most;

    count_repeats(results, &least, &most);
    if (most <= 1)
        fputs(". Every figure was measured once, and is taken as right to a tenth.", out);
    else if (least == most)
        fprintf(out,
                ". Every figure is the median of %zu repeats in which the contestants took turns; "
                "whiskers go from the least to the largest.",
                most);
    else
        fprintf(out,
                ". Every figure is the median of %zu to %zu repeats in which the contestants took "
                "turns; whiskers go from the least to the largest; what was measured once is "
                "taken as right to a tenth.",
                least, most);
}

static void title(FILE *out, const struct results *results)
{
    fputs("<header class=\"wrap\">\n<p class=\"mark\">dure <span lang=\"ko\">두레</span></p>\n"
          "<h1>What it costs to wait for many, on this machine</h1>\n<p class=\"lead\">",
          out);
    html_sentence(out, setting_of(&results->machine, "processor"));
    fputs(", ", out);
    html_sentence(out, setting_of(&results->machine, "kernel"));
    how_often(out, results);
    fputs(" Where spreads overlap, nothing is claimed.</p>\n", out);
    if (results->interrupted)
        fputs("<p class=\"broken\">The run was interrupted: this is what had been measured "
              "until then.</p>\n",
              out);
}

static void contents(FILE *out, const struct results *results)
{
    const struct experiment *experiment;
    const struct chart *chart;
    struct view view;
    size_t i;

    fputs("<nav aria-label=\"Charts\">\n", out);
    for (i = 0; i < results->len; i++) {
        experiment = results->outcomes[i].experiment;
        fprintf(out, "<div><a class=\"to\" href=\"#%s\">", experiment->name);
        html_text(out, experiment->title);
        fputs("</a><ol>", out);
        for (chart = experiment->charts; chart->name != NULL; chart++) {
            view_init(&view, results, experiment, chart);
            if (view_has_figures(&view)) {
                fprintf(out, "<li><a href=\"#%s\">", chart->name);
                html_text(out, chart->title);
                fputs("</a></li>", out);
            }
            view_fini(&view);
        }
        fputs("</ol></div>\n", out);
    }
    fputs("</nav>\n</header>\n", out);
}

static void section(FILE *out, const struct results *results, const struct outcome *outcome)
{
    const struct experiment *experiment = outcome->experiment;
    const struct chart *chart;
    struct view view;
    size_t i;

    fprintf(out, "<section class=\"wrap\" id=\"%s\">\n<h2>", experiment->name);
    html_text(out, experiment->title);
    fputs("</h2>\n<p class=\"about\">", out);
    html_sentence(out, experiment->about);
    fputs("</p>\n", out);
    for (i = 0; i < outcome->failures.len; i++) {
        fputs("<p class=\"broken\">", out);
        html_sentence(out, outcome->failures.items[i]);
        fputs("</p>\n", out);
    }
    settings_list(out, &outcome->settings);
    for (chart = experiment->charts; chart->name != NULL; chart++) {
        view_init(&view, results, experiment, chart);
        if (view_has_figures(&view))
            html_chart(out, outcome, &view);
        view_fini(&view);
    }
    if (outcome->len != 0)
        html_points(out, outcome);
    fputs("</section>\n", out);
}

int report_html(FILE *file, const struct results *results)
{
    size_t i;

    head(file, results);
    title(file, results);
    contents(file, results);
    fputs("<main>\n", file);
    for (i = 0; i < results->len; i++)
        section(file, results, &results->outcomes[i]);
    fputs("<section class=\"wrap\" id=\"machine\">\n<h2>The machine and the settings</h2>\n", file);
    settings_list(file, &results->machine);
    settings_list(file, &results->settings);
    fputs("</section>\n</main>\n<footer class=\"wrap\"><p>Made by <code>dure compare --html"
          "</code>. All figures are in this page as JSON too, in the element "
          "<code>#data</code>.</p></footer>\n<script type=\"application/json\" id=\"data\">",
          file);
    if (report_json_compact(file, results) < 0)
        return -1;
    fputs("</script>\n</body>\n</html>\n", file);
    return ferror(file) != 0 ? -1 : 0;
}

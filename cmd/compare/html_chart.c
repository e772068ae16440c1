/* A chart with its words: what is to be seen there, what was refused, what is doubtful. */
#include <stdlib.h>

#include "cmd/compare/drawing.h"
#include "cmd/compare/findings.h"
#include "cmd/compare/html.h"
#include "cmd/compare/remarks.h"

static void draw(FILE *out, const struct outcome *outcome, const struct view *view, bool wide)
{
    struct drawing drawing = { .out = out, .outcome = outcome, .view = view, .wide = wide };

    if (view->chart->kind == CHART_BARS)
        drawing_bars(&drawing);
    else
        drawing_lines(&drawing);
}

/* Under the narrow drawing, where there is no room for names at the lines. */
static void legend(FILE *out, const struct outcome *outcome, const struct view *view)
{
    unsigned i, look;
    char *words;

    fputs("<ul class=\"legend\">\n", out);
    for (i = 0; i < view->len; i++) {
        look = look_of(outcome, view->lines[i].series);
        words = line_end_words(view, &view->lines[i]);
        fputs("<li class=\"series ", out);
        look_classes(out, look);
        fputs("\"><svg viewBox=\"0 0 28 12\"><path class=\"line\" d=\"M1 6H27\"/>", out);
        look_sign(out, look, 14, 6);
        fputs("</svg>", out);
        html_text(out, view->lines[i].series);
        fprintf(out, " <b>%s</b></li>\n", words);
        free(words);
    }
    fputs("</ul>\n", out);
}

static void sentences(FILE *out, const struct view *view)
{
    struct sentences sentences;
    size_t i;

    sentences_init(&sentences, view);
    fputs("<ul class=\"seen\">\n", out);
    for (i = 0; i < sentences.texts.len; i++) {
        fputs("<li>", out);
        html_sentence_of(out, view, sentences.texts.items[i]);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
    sentences_fini(&sentences);
}

static void remarks(FILE *out, const struct view *view, enum remark kind, const char *class,
                    const char *title)
{
    struct texts texts = { 0 };
    size_t i;

    remarks_collect(&texts, view, kind);
    if (texts.len != 0)
        fprintf(out, "<div class=\"%s\"><h4>%s</h4><ul>\n", class, title);
    for (i = 0; i < texts.len; i++) {
        fputs("<li>", out);
        html_sentence_of(out, view, texts.items[i]);
        fputs("</li>\n", out);
    }
    if (texts.len != 0)
        fputs("</ul></div>\n", out);
    texts_fini(&texts);
}

static void head(FILE *out, const struct chart *chart)
{
    fprintf(out, "<figure class=\"chart\" id=\"");
    html_text(out, chart->name);
    fputs("\">\n<figcaption><h3>", out);
    html_text(out, chart->title);
    fputs("</h3>\n", out);
    if (chart->note != NULL) {
        fputs("<p class=\"note\">", out);
        html_sentence(out, chart->note);
        fputs("</p>\n", out);
    }
    fputs("</figcaption>\n", out);
}

void html_chart(FILE *out, const struct outcome *outcome, const struct view *view)
{
    head(out, view->chart);
    fputs("<div class=\"sheet\">\n", out);
    draw(out, outcome, view, true);
    draw(out, outcome, view, false);
    if (view->chart->kind != CHART_BARS)
        legend(out, outcome, view);
    fputs("</div>\n", out);
    sentences(out, view);
    fputs("<div class=\"remarks\">\n", out);
    remarks(out, view, REMARK_REFUSAL, "limits", "Limits");
    remarks(out, view, REMARK_WARNING, "doubts", "Doubtful");
    fputs("</div>\n", out);
    html_chart_table(out, view);
    fputs("</figure>\n", out);
}

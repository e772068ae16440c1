/* Texts and signs of the page. */
#include <ctype.h>
#include <string.h>

#include "cmd/compare/html.h"

static void html_char(FILE *out, char c)
{
    switch (c) {
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '&':
        fputs("&amp;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    default:
        fputc(c, out);
    }
}

void html_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        html_char(out, *text);
}

void html_title(FILE *out, const char *text)
{
    if (*text != '\0')
        html_char(out, (char)toupper((unsigned char)*text++));
    html_text(out, text);
}

void html_sentence(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        html_char(out, *text);
        if (isdigit((unsigned char)*text) && text[1] == ' ') {
            fputs("&nbsp;", out);
            text++;
        }
    }
}

unsigned look_of(const struct outcome *outcome, const char *series)
{
    unsigned look = 0;
    size_t i, j;

    for (i = 0; i < outcome->len; i++) {
        if (strcmp(outcome->points[i]->series, series) == 0)
            break;
        for (j = 0; j < i; j++)
            if (strcmp(outcome->points[i]->series, outcome->points[j]->series) == 0)
                break;
        look += j == i;
    }
    return look % LOOKS;
}

bool look_is_strong(const struct experiment *experiment, const char *series)
{
    return experiment->strong != NULL &&
           strncmp(series, experiment->strong, strlen(experiment->strong)) == 0;
}

void look_sign(FILE *out, unsigned look, double x, double y)
{
    static const char *const paths[LOOK_COLOURS] = {
        "m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",              /* a disc */
        "m-4 -4h8v8h-8z",                                             /* a square */
        "m0 -5.2l5 8.8h-10z",                                         /* a triangle */
        "m0 -5.6l5.6 5.6l-5.6 5.6l-5.6 -5.6z",                        /* a diamond */
        "m0 5.2l5 -8.8h-10z",                                         /* a triangle on its tip */
        "m-1.7 -5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z", /* a plus */
        "m0 -5.4l5.1 3.7l-1.9 6h-6.4l-1.9 -6z",                       /* a pentagon */
    };

    fprintf(out, "<path class=\"sign\" d=\"M%.1f %.1f%s\"/>", x, y, paths[look % LOOK_COLOURS]);
}

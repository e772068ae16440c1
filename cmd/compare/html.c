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

/* A space between a number and what it counts; not before a bracket. */
static bool is_held_space(const char *at)
{
    return *at == ' ' && at[1] != '(' && at[1] != '\0';
}

void html_sentence(FILE *out, const char *text)
{
    html_sentence_of(out, NULL, text);
}

/* Returns: the length of the longest name of a series that begins here. */
static size_t name_here(const struct view *view, const char *text)
{
    size_t len, longest = 0;
    unsigned i;

    for (i = 0; view != NULL && i < view->len; i++) {
        len = strlen(view->lines[i].series);
        if (len > longest && strncmp(text, view->lines[i].series, len) == 0 &&
            !isalnum((unsigned char)text[len]))
            longest = len;
    }
    return longest;
}

/* Writes a name. Returns: what follows it. */
static const char *html_name(FILE *out, const char *text, size_t len)
{
    fputs("<b>", out);
    for (; len != 0; len--)
        html_char(out, *text++);
    fputs("</b>", out);
    return text;
}

void html_sentence_of(FILE *out, const struct view *view, const char *text)
{
    bool begins = true; /* a word, here */
    size_t len;

    while (*text != '\0') {
        len = begins ? name_here(view, text) : 0;
        if (len != 0)
            text = html_name(out, text, len);
        begins = !isalnum((unsigned char)*text);
        if (*text == '\0')
            break;
        html_char(out, *text++);
        if (isdigit((unsigned char)text[-1]) && is_held_space(text)) {
            fputs("&nbsp;", out);
            text++;
            begins = true;
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

void look_classes(FILE *out, unsigned look)
{
    static const char *const kinds[LOOKS / LOOK_COLOURS] = { "", " open", " dotted" };

    fprintf(out, "c%u%s", look % LOOK_COLOURS, kinds[look / LOOK_COLOURS]);
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

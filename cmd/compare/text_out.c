/* Text for a terminal of some width. */
#include <ctype.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/compare/format.h"
#include "cmd/compare/text_out.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN 40
#define COLUMNS_MAX 100 /* longer lines are hard to follow */

void text_out_init(struct text_out *out, FILE *file)
{
    struct winsize size;

    *out = (struct text_out){ .file = file, .columns = COLUMNS_DEFAULT };
    if (isatty(fileno(file)) == 0)
        return;
    out->bold = out->bars = true;
    if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col >= COLUMNS_MIN)
        out->columns = size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

void text_heading(const struct text_out *out, const char *text)
{
    fprintf(out->file, out->bold ? "\033[1m%s\033[0m\n" : "%s\n", text);
}

static void spaces(const struct text_out *out, size_t len)
{
    for (; len != 0; len--)
        fputc(' ', out->file);
}

/* A number and what it counts are one word. */
static size_t word_len(const char *word)
{
    size_t len = strcspn(word, " ");

    if (word[len] == ' ' && len != 0 && isdigit((unsigned char)word[len - 1]))
        len += 1 + strcspn(word + len + 1, " ");
    return len;
}

void text_wrapped(const struct text_out *out, const char *mark, const char *text)
{
    size_t margin = text_columns(mark), column = margin;
    const char *word = text;

    fputs(mark, out->file);
    while (*word != '\0') {
        size_t bytes = word_len(word);
        char copy[256];
        size_t width;

        snprintf(copy, sizeof copy, "%.*s", (int)bytes, word);
        width = text_columns(copy);
        if (column > margin && column + 1 + width > out->columns) {
            fputc('\n', out->file);
            spaces(out, margin);
            column = margin;
        }
        column += (size_t)fprintf(out->file, column > margin ? " " : "%s", "") + width;
        fputs(copy, out->file);
        word += bytes;
        word += strspn(word, " ");
    }
    fputc('\n', out->file);
}

void text_left(const struct text_out *out, const char *text, unsigned columns)
{
    size_t width = text_columns(text), i;

    if (width <= columns) {
        fputs(text, out->file);
        spaces(out, columns - width);
        return;
    }
    for (i = 0; columns > 1 && *text != '\0' && i < columns; text++) {
        i += ((unsigned char)*text & 0xc0) != 0x80;
        if (i < columns)
            fputc(*text, out->file);
    }
    fputs("…", out->file);
}

void text_right(const struct text_out *out, const char *text, unsigned columns)
{
    size_t width = text_columns(text);

    if (width < columns)
        spaces(out, columns - width);
    fputs(text, out->file);
}

void text_bar(const struct text_out *out, double part, unsigned columns)
{
    static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    unsigned len = (unsigned)(part * columns * 8 + 0.5);

    if (!out->bars)
        return;
    if (len == 0)
        len = 1;
    for (; len >= 8; len -= 8)
        fputs("█", out->file);
    fputs(eighths[len], out->file);
}

/* Text for a terminal of some width, or for a file as for one of 80 columns. */
#ifndef CMD_COMPARE_TEXT_OUT_H
#define CMD_COMPARE_TEXT_OUT_H

#include <stdbool.h>
#include <stdio.h>

struct text_out {
    FILE *file;
    unsigned columns;
    bool bold, bars; /* a terminal, one that knows */
};

/* Learns what the file is. */
void text_out_init(struct text_out *out, FILE *file);

/* Prints a line of its own, bold where that can be seen. */
void text_heading(const struct text_out *out, const char *text);

/* Prints a text broken at spaces, all of it behind a margin that begins with a mark: "  - ". */
void text_wrapped(const struct text_out *out, const char *mark, const char *text);

/* Prints a text in a column, cut or filled with spaces. */
void text_left(const struct text_out *out, const char *text, unsigned columns);
void text_right(const struct text_out *out, const char *text, unsigned columns);

/* Prints a bar of a part, 0 to 1, of so many columns; nothing where bars cannot be seen. */
void text_bar(const struct text_out *out, double part, unsigned columns);

#endif

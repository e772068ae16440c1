/* The files that dure compare was asked to write. */
#ifndef CMD_COMPARE_OUTPUT_H
#define CMD_COMPARE_OUTPUT_H

#include <stdio.h>

/* Opens a file before anything is measured, so that what cannot be written is known at once. What
   was in it stays until output_begin. path: "-" is standard output.
   Returns: the file, or NULL after having said why not. */
FILE *output_open_or_say(const char *path);

/* Takes away what was in the file, before it is written. */
void output_begin(FILE *file);

/* Closes the file. Returns: 0, or -1 after having said that not all could be written. */
int output_close_or_say(FILE *file, const char *path);

#endif

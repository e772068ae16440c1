#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void die(const char *format, ...)
{
    char text[512];
    va_list args;
    int len = snprintf(text, sizeof text, "dure: ");

    va_start(args, format);
    len += vsnprintf(text + len, sizeof text - (size_t)len - 1, format, args);
    va_end(args);
    if (len > (int)sizeof text - 2)
        len = (int)sizeof text - 2;
    text[len++] = '\n';
    if (write(STDERR_FILENO, text, (size_t)len) < 0)
        abort();
    abort();
}

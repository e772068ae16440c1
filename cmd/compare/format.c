/* Figures as people read them: three digits and a prefix. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmd/compare/format.h"

struct prefix {
    double from; /* from here on, as shown: 999.6 is "1.00" of the next */
    double by;
    const char *suffix;
};

/* Largest first; the last one takes all the rest. */
static const struct prefix of_ns[] = {
    { 999.5e6, 1e9, " s" },
    { 999.5e3, 1e6, " ms" },
    { 999.5, 1e3, " µs" },
    { 0, 1, " ns" },
};
static const struct prefix of_bytes[] = {
    { 999.5 * 1048576, 1073741824, " GiB" },
    { 999.5 * 1024, 1048576, " MiB" },
    { 999.5, 1024, " KiB" },
    { 0, 1, " B" },
};
static const struct prefix of_count[] = {
    { 999.5e6, 1e9, "G" },
    { 999.5e3, 1e6, "M" },
    { 9999.5, 1e3, "k" },
    { 0, 1, "" },
};

/* Three digits that mean something, never an exponent; whole numbers have no zeros behind. */
static void print_digits(char *out, size_t size, double value)
{
    double large = fabs(value);

    if (large >= 1000)
        snprintf(out, size, "%s", shown_count(round(value)).text);
    else if (large >= 99.95 || value == floor(value))
        snprintf(out, size, "%.0f", value);
    else if (large >= 9.995)
        snprintf(out, size, "%.1f", value);
    else if (large >= 0.995)
        snprintf(out, size, "%.2f", value);
    else
        snprintf(out, size, "%.2g", large < 1e-4 ? 0 : value);
}

static struct shown with_prefix(const struct prefix *prefix, double value)
{
    struct shown out;

    while (value < prefix->from && prefix->from > 0)
        prefix++;
    print_digits(out.text, sizeof out.text, value / prefix->by);
    strncat(out.text, prefix->suffix, sizeof out.text - strlen(out.text) - 1);
    return out;
}

struct shown shown(enum unit unit, double value)
{
    struct shown out;

    switch (unit) {
    case UNIT_NS:
        return with_prefix(of_ns, value);
    case UNIT_BYTES:
        return with_prefix(of_bytes, value);
    case UNIT_PER_SECOND:
        out = with_prefix(of_count, value);
        strncat(out.text, "/s", sizeof out.text - strlen(out.text) - 1);
        return out;
    case UNIT_SHARE:
        print_digits(out.text, sizeof out.text, 100 * value);
        strncat(out.text, " %", sizeof out.text - strlen(out.text) - 1);
        return out;
    case UNIT_COUNT:
        break;
    }
    return with_prefix(of_count, value);
}

struct shown shown_times(double factor)
{
    struct shown out;

    if (factor >= 9.95)
        snprintf(out.text, sizeof out.text, "%.16s times", shown_count(round(factor)).text);
    else
        snprintf(out.text, sizeof out.text, "%.1f times", factor);
    return out;
}

struct shown shown_count(double value)
{
    struct shown out;
    char digits[24];
    size_t i, len, to = 0;

    if (fabs(value) >= 1e12 || value != floor(value)) {
        snprintf(out.text, sizeof out.text, "%.3g", value);
        return out;
    }
    len = (size_t)snprintf(digits, sizeof digits, "%.0f", value);
    for (i = 0; i < len; i++) {
        if (i != 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            out.text[to++] = ',';
        out.text[to++] = digits[i];
    }
    out.text[to] = '\0';
    return out;
}

size_t text_columns(const char *text)
{
    size_t columns = 0;

    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

/* HTTP dates. Neither strftime nor gmtime_r: both read locale and time zone. */
#include "http/date.h"

#include <string.h>
#include <strings.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

struct calendar {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
    int weekday; /* 0 is Sunday */
};

/* The civil calendar's days, counted from 1 March of a year divisible by 400, so that leap
   days end a year: Howard Hinnant's well-known days_from_civil and its inverse. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void calendar_of(struct calendar *c, int64_t seconds)
{
    const int64_t last = 253402300799; /* the end of year 9999 */
    int64_t day, era, day_of_era, year_of_era, day_of_year, month;

    seconds = seconds < 0 ? 0 : seconds > last ? last : seconds;
    day = seconds / 86400;
    c->hour = (int)(seconds % 86400 / 3600);
    c->minute = (int)(seconds % 3600 / 60);
    c->second = (int)(seconds % 60);
    c->weekday = (int)((day + 4) % 7);
    day += 719468;
    era = day / 146097;
    day_of_era = day - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;
    c->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    c->month = (int)(month < 10 ? month + 3 : month - 9);
    c->year = (int)(year_of_era + era * 400 + (c->month <= 2));
}

static char *put_2(char *at, int number)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
    return at + 2;
}

static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *put_clock(char *at, const struct calendar *c)
{
    at = put_2(at, c->hour);
    *at++ = ':';
    at = put_2(at, c->minute);
    *at++ = ':';
    return put_2(at, c->second);
}

void http_date_write(char date[HTTP_DATE_LEN], int64_t seconds)
{
    struct calendar c;
    char *at = date;

    calendar_of(&c, seconds);
    at = put(at, weekdays + 3 * c.weekday, 3);
    at = put(at, ", ", 2);
    at = put_2(at, c.day);
    *at++ = ' ';
    at = put(at, months + 3 * (c.month - 1), 3);
    *at++ = ' ';
    at = put_2(put_2(at, c.year / 100), c.year % 100);
    *at++ = ' ';
    at = put_clock(at, &c);
    put(at, " GMT", 4);
}

void http_date_write_log(char date[HTTP_LOG_DATE_LEN], int64_t seconds)
{
    struct calendar c;
    char *at = date;

    calendar_of(&c, seconds);
    *at++ = '[';
    at = put_2(at, c.day);
    *at++ = '/';
    at = put(at, months + 3 * (c.month - 1), 3);
    *at++ = '/';
    at = put_2(put_2(at, c.year / 100), c.year % 100);
    *at++ = ':';
    at = put_clock(at, &c);
    put(at, " +0000]", 7);
}

/* Reads by a pattern: w a weekday's name, W a long one, b a month, each digit field one letter
   a digit (D may be a blank for asctime), anything else itself. */
static int read_pattern(struct calendar *c, const char *at, size_t len, const char *pattern)
{
    int *fields[128] = {
        ['D'] = &c->day, ['Y'] = &c->year, ['h'] = &c->hour, ['m'] = &c->minute, ['s'] = &c->second
    };
    const char *end = at + len;
    int i;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern == 'b') {
            for (i = 0; i < 12; i++)
                if (end - at >= 3 && strncasecmp(at, months + 3 * i, 3) == 0)
                    c->month = i + 1;
            at += 3;
        } else if (*pattern == 'w' || *pattern == 'W') {
            for (i = 0; at < end && ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z'); i++)
                at++;
            if (i < 3 || (*pattern == 'w' && i != 3))
                return -1;
        } else if (at >= end) {
            return -1;
        } else if (fields[(unsigned char)*pattern] != NULL) {
            i = *at == ' ' && *pattern == 'D' ? 0 : *at - '0';
            if (i < 0 || i > 9)
                return -1;
            *fields[(unsigned char)*pattern] = *fields[(unsigned char)*pattern] * 10 + i;
            at++;
        } else if (*at++ != *pattern) {
            return -1;
        }
    }
    return at == end ? 0 : -1;
}

/* RFC 9110: a year of two digits that seems more than 50 years ahead is a past one. The
   clock is not asked: up to 69 is this century, as POSIX has it for %y. */
static int full_year(int year)
{
    return year < 70 ? year + 2000 : year + 1900;
}

int http_date_read(struct http_span text, int64_t *seconds)
{
    struct calendar c = { 0 };

    if (read_pattern(&c, text.data, text.len, "w, DD b YYYY hh:mm:ss GMT") < 0) {
        c = (struct calendar){ 0 };
        if (read_pattern(&c, text.data, text.len, "W, DD-b-YY hh:mm:ss GMT") == 0) {
            c.year = full_year(c.year);
        } else {
            c = (struct calendar){ 0 };
            if (read_pattern(&c, text.data, text.len, "w b DD hh:mm:ss YYYY") < 0)
                return -1;
        }
    }
    if (c.month == 0 || c.day < 1 || c.day > 31 || c.hour > 23 || c.minute > 59 || c.second > 60)
        return -1;
    *seconds = days_of(c.year, c.month, c.day) * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
    return 0;
}

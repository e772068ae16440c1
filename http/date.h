/* Dates as HTTP and its logs write them. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdint.h>

#include "http/text.h"

#define HTTP_DATE_LEN 29     /* Sun, 06 Nov 1994 08:49:37 GMT */
#define HTTP_LOG_DATE_LEN 28 /* [06/Nov/1994:08:49:37 +0000] */

/* Writes a time in seconds since 1970, without a final NUL. Years 1970 to 9999;
   times outside become the nearest within. */
void http_date_write(char date[HTTP_DATE_LEN], int64_t seconds);
void http_date_write_log(char date[HTTP_LOG_DATE_LEN], int64_t seconds);

/* Reads a date in any of the three forms of RFC 9110 (the one above, RFC 850's, asctime's).
   Returns: 0, or -1 when it is none. */
int http_date_read(struct http_span text, int64_t *seconds);

#endif

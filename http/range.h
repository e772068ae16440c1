/* Ranges of bytes, RFC 9110 section 14. */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdint.h>

#include "http/text.h"

/* More ranges than this in one request are nobody's honest wish: they are then ignored. */
#define HTTP_RANGES_MAX 32

struct http_range {
    uint64_t first, len;
};

enum http_range_result {
    HTTP_RANGE_NONE,          /* not understood, or too many: the whole file is the answer */
    HTTP_RANGE_SOME,          /* at least one */
    HTTP_RANGE_UNSATISFIABLE, /* 416 */
};

/* Reads a Range header for a file of a given size. Ranges that overlap are merged, all then in
   the order of the file; else they stay in the order asked for.
   ranges: gets at most HTTP_RANGES_MAX of them; count: how many. */
enum http_range_result http_range_read(struct http_span header, uint64_t size,
                                       struct http_range *ranges, unsigned *count);

#endif

/* The statuses this server knows, and their pages. */
#ifndef HTTP_ERRORS_H
#define HTTP_ERRORS_H

#include "http/text.h"

/* Returns: "404 Not Found". */
const char *http_status_line(int status);

/* Writes a page that says what happened in a sentence. The page is never longer than
   HTTP_ERROR_PAGE_MAX. */
#define HTTP_ERROR_PAGE_MAX 1024
void http_error_page(struct http_text *page, int status);

#endif

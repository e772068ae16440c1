/* Error pages. */
#include "http/errors.h"

struct status {
    int status;
    const char *line;
    const char *sentence;
};

static const struct status statuses[] = {
    { 200, "200 OK", "" },
    { 206, "206 Partial Content", "" },
    { 301, "301 Moved Permanently", "This is a directory: its address ends with a slash." },
    { 304, "304 Not Modified", "" },
    { 400, "400 Bad Request", "The server could not understand this request." },
    { 403, "403 Forbidden", "The server may not read this file." },
    { 404, "404 Not Found", "There is nothing at this address." },
    { 405, "405 Method Not Allowed", "Files can be asked for with GET and HEAD only." },
    { 408, "408 Request Timeout", "The request took too long to arrive." },
    { 412, "412 Precondition Failed", "The file is not the one that the request is about." },
    { 413, "413 Content Too Large", "The request's body is larger than this server reads." },
    { 414, "414 URI Too Long", "The address is longer than this server reads." },
    { 416, "416 Range Not Satisfiable", "The file ends before the bytes asked for." },
    { 417, "417 Expectation Failed", "The request expects something that this server cannot do." },
    { 431, "431 Request Header Fields Too Large", "The request's headers are too large or many." },
    { 500, "500 Internal Server Error", "Something went wrong here, not with the request." },
    { 501, "501 Not Implemented", "This server does not know the request's method." },
    { 503, "503 Service Unavailable", "The server is out of something. Try again in a moment." },
    { 505, "505 HTTP Version Not Supported", "This server speaks HTTP/1.1 and HTTP/1.0." },
};

/* Linear: error pages are off the hot path, and the list is short. */
static const struct status *find(int status)
{
    unsigned i;

    for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return find(500);
}

const char *http_status_line(int status)
{
    return find(status)->line;
}

void http_error_page(struct http_text *page, int status)
{
    const struct status *found = find(status);

    http_text_string(page, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    http_text_string(page, found->line);
    http_text_string(page, "</title>\n<style>:root{color-scheme:light dark}body{font:1rem/1.5 "
                           "system-ui,sans-serif;max-width:36rem;margin:18vh auto;padding:0 "
                           "1rem}h1{font-weight:600;font-size:1.6rem}</style>\n<h1>");
    http_text_string(page, found->line);
    http_text_string(page, "</h1>\n<p>");
    http_text_string(page, found->sentence);
    http_text_string(page, "</p>\n");
}

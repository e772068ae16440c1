/* Media types by the ending of a file's name. */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

/* Returns: the type for a Content-Type header, with its charset when it is text;
   application/octet-stream when the ending is unknown. */
const char *http_mime_type(const char *name);

/* Returns: the nth known ending, counted from 0, in the table's order; NULL behind the last. */
const char *http_mime_ending(unsigned n);

#endif

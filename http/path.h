/* From a request's target to the name of a file below the root. */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include "http/text.h"

/* Finds the path in a target: "/a?b" and "http://host/a?b" have "/a", "http://host" has "/".
   Query and fragment are cut off. Returns: 0, or 400 when the target has no path ("*"). */
int http_path_of_target(struct http_span target, struct http_span *path);

/* Decodes a path into the name of a file relative to the root: percent-decoded once, slashes
   that follow each other made one, "." and ".." resolved. "/" becomes ".", and a final slash
   is kept ("a/").
   name: room for path.len + 2 bytes; ends with NUL.
   Returns: 0, or the status to answer:
     400  the path does not start with '/', an escape is not two hexadecimal digits, a NUL or
          another control character or a backslash is in it, or it leads above the root.
     404  a name in it is longer than any file's (255 bytes). */
int http_path_decode(struct http_span path, char *name);

#endif

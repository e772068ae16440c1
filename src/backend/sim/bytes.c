/* A queue of bytes that grows as it must: what it may hold is bounded by who fills it. */
#include "backend/sim/inside.h"

#include <stdlib.h>
#include <string.h>

static int make_room(struct sim_bytes *bytes, size_t len)
{
    size_t size = bytes->size ? bytes->size : 256;
    char *larger;

    if (bytes->start + bytes->len + len <= bytes->size)
        return 0;
    while (size < bytes->len + len)
        size *= 2;
    larger = malloc(size);
    if (!larger)
        return -ENOMEM;
    if (bytes->len)
        memcpy(larger, bytes->data + bytes->start, bytes->len);
    free(bytes->data);
    bytes->data = larger;
    bytes->start = 0;
    bytes->size = size;
    return 0;
}

int sim_bytes_add(struct sim_bytes *bytes, const void *from, size_t len)
{
    if (len == 0)
        return 0;
    if (make_room(bytes, len) < 0)
        return -ENOMEM;
    memcpy(bytes->data + bytes->start + bytes->len, from, len);
    bytes->len += len;
    return 0;
}

void sim_bytes_drop(struct sim_bytes *bytes, size_t len)
{
    ASSERT(len <= bytes->len);
    bytes->start += len;
    bytes->len -= len;
    if (bytes->len == 0) /* idle connections are many and hold nothing */
        sim_bytes_fini(bytes);
}

void sim_bytes_fini(struct sim_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct sim_bytes){ 0 };
}

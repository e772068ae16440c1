/* Random reads of a file on libuv's pool of threads; see bench/file_read.h. */
#include <uv.h>

#include "file_read.h"

static struct file_read f;
static long started;

struct slot {
    uv_fs_t request;
    uv_buf_t buffer;
};

static void start(struct slot *slot);

static void done(uv_fs_t *request)
{
    struct slot *slot = (struct slot *)request;

    if (request->result != BLOCK)
        bench_die("uv_fs_read");
    uv_fs_req_cleanup(request);
    if (started < f.reads)
        start(slot);
}

static void start(struct slot *slot)
{
    started++;
    if (uv_fs_read(uv_default_loop(), &slot->request, f.fd, &slot->buffer, 1, file_read_offset(&f),
                   done) < 0)
        bench_die("uv_fs_read");
}

int main(int argc, char **argv)
{
    struct slot *slots;
    long i;

    (void)argc;
    file_read_init(&f, argv);
    slots = calloc((size_t)f.depth, sizeof *slots);
    if (!slots)
        bench_die("calloc");
    for (i = 0; i < f.depth; i++) {
        slots[i].buffer = uv_buf_init(f.buffers + i * BLOCK, BLOCK);
        start(&slots[i]);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    file_read_report(&f);
    free(slots);
    return 0;
}

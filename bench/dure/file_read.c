/* Random reads of a file by tasks; see bench/file_read.h. */
#include "bench_dure.h"
#include "file_read.h"

static struct file_read f;
static long started;

static int reader(void *arg)
{
    char *buffer = f.buffers + *(long *)arg * BLOCK;

    while (started < f.reads) {
        started++;
        if (dure_pread(f.fd, buffer, BLOCK, file_read_offset(&f)) != BLOCK)
            bench_die("dure_pread");
    }
    return 0;
}

static int measure(void *arg)
{
    dure_scope scope;
    long i;
    int result;

    file_read_init(&f, arg);
    dure_scope_open(&scope);
    for (i = 0; i < f.depth; i++)
        if (dure_spawn(&scope, reader, &i, sizeof i) < 0)
            bench_die("dure_spawn");
    result = dure_scope_close(&scope);
    file_read_report(&f);
    return result;
}

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, measure);
}

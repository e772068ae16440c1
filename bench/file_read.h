/* What the contestants at reading a file share: the file, and which blocks of it are read. They all
   read the same ones: blocks of 4 KiB at random, `depth` at a time, so many in all.
   PROGRAM [file=PATH] [size=MiB] [depth=N] [reads=N] [cold=1]
   cold: the page cache is emptied of the file first, and reads go around it (O_DIRECT). */
#ifndef DURE_BENCH_FILE_READ_H
#define DURE_BENCH_FILE_READ_H

#include <fcntl.h>
#include <unistd.h>

#include "bench.h"

#define BLOCK 4096

struct file_read {
    int fd;
    int cold;
    long depth, reads, blocks;
    uint64_t random;
    char *buffers; /* BLOCK bytes for each of `depth` */
    int64_t begun_ns, cpu_begun_ns;
};

static inline int64_t file_read_offset(struct file_read *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (int64_t)(f->random % (uint64_t)f->blocks) * BLOCK;
}

static inline void file_read_fill(int fd, long blocks)
{
    static char block[BLOCK * 256];
    long i;

    memset(block, 'd', sizeof block);
    for (i = 0; i < blocks; i += 256)
        if (pwrite(fd, block, sizeof block, (off_t)i * BLOCK) != (ssize_t)sizeof block)
            bench_die("pwrite");
    if (fsync(fd) < 0)
        bench_die("fsync");
}

/* The file is made when it is not there, or too short. */
static inline void file_read_init(struct file_read *f, char **argv)
{
    const char *path = bench_text(argv, "file", "file_read.data");
    int fd;

    f->cold = bench_number(argv, "cold", 0) != 0;
    f->depth = bench_number(argv, "depth", 64);
    f->reads = bench_number(argv, "reads", 1000000);
    f->blocks = bench_number(argv, "size", 256) * ((1 << 20) / BLOCK);
    f->random = 88172645463325252u;
    if (posix_memalign((void **)&f->buffers, BLOCK, (size_t)f->depth * BLOCK) != 0)
        bench_die("posix_memalign");
    memset(f->buffers, 0, (size_t)f->depth * BLOCK);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        bench_die(path);
    if (lseek(fd, 0, SEEK_END) < (off_t)f->blocks * BLOCK)
        file_read_fill(fd, f->blocks);
    if (posix_fadvise(fd, 0, 0, f->cold ? POSIX_FADV_DONTNEED : POSIX_FADV_WILLNEED) != 0)
        bench_die("posix_fadvise");
    for (long i = 0; !f->cold && i < f->blocks; i++)
        if (pread(fd, f->buffers, BLOCK, (off_t)i * BLOCK) != BLOCK)
            bench_die("pread");
    close(fd);
    f->fd = open(path, O_RDONLY | O_CLOEXEC | (f->cold ? O_DIRECT : 0));
    if (f->fd < 0)
        bench_die(path);
    f->begun_ns = bench_clock_ns(CLOCK_MONOTONIC);
    f->cpu_begun_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void file_read_report(const struct file_read *f)
{
    printf("{\"us\": %.4f, \"elapsed_us\": %.4f}\n",
           (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - f->cpu_begun_ns) / 1e3 /
               (double)f->reads,
           (double)(bench_clock_ns(CLOCK_MONOTONIC) - f->begun_ns) / 1e3 / (double)f->reads);
}

#endif

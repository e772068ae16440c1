/* The handlers, and the connection that they serve. */
#include "cmd/compare/handlers.h"

#include <dure.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char words[] = "Each works the fields of all in turn, and all the fields of each: "
                            "that is what is called dure in the villages. The tea is ready soon";
_Static_assert(sizeof words > 128, "the longest reply of words");

static int answer_at_once(const struct handler_world *world, uint64_t number, char *reply,
                          size_t len)
{
    (void)world;
    (void)number;
    memcpy(reply, words, len);
    return 0;
}

/* As for a database. */
static int answer_late(const struct handler_world *world, uint64_t number, char *reply, size_t len)
{
    if (dure_sleep_for(10 * DURE_MILLISECOND) < 0)
        return -1;
    return answer_at_once(world, number, reply, len);
}

static uint64_t compute(uint64_t rounds)
{
    uint64_t value = 88172645463325252u;

    while (rounds-- > 0) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
    }
    return value;
}

static int answer_computed(const struct handler_world *world, uint64_t number, char *reply,
                           size_t len)
{
    volatile uint64_t result = compute(world->rounds_a_ms);

    (void)result;
    return answer_at_once(world, number, reply, len);
}

/* Where in the file a request's piece lies: neighbours far apart. */
static off_t piece_of(uint64_t number)
{
    return (off_t)(number * 2654435761u % (FILE_LEN / REPLY_LEN_MAX) * REPLY_LEN_MAX);
}

static int answer_from_file(const struct handler_world *world, uint64_t number, char *reply,
                            size_t len)
{
    return dure_pread(world->file_fd, reply, len, piece_of(number)) == (ssize_t)len ? 0 : -1;
}

static const char *expect_words(const struct handler_world *world, uint64_t number)
{
    (void)world;
    (void)number;
    return words;
}

static const char *expect_piece(const struct handler_world *world, uint64_t number)
{
    return world->file + piece_of(number);
}

const struct handler handlers[HANDLERS] = {
    [HANDLER_AT_ONCE] = { "answers at once", 128, answer_at_once, expect_words },
    [HANDLER_WAITS] = { "waits 10 ms", 128, answer_late, expect_words },
    [HANDLER_COMPUTES] = { "computes 1 ms", 128, answer_computed, expect_words },
    [HANDLER_READS] = { "reads a file", REPLY_LEN_MAX, answer_from_file, expect_piece },
};

int handler_connection(void *arg)
{
    dure_connection *connection = arg;
    const struct handler_service *service = connection->arg;
    const struct handler *handler = service->handler;
    char request[REQUEST_LEN], reply[REPLY_LEN_MAX];
    uint64_t number;

    while (dure_read_full(connection->fd, request, sizeof request) == sizeof request) {
        memcpy(&number, request, sizeof number);
        memcpy(reply, &number, sizeof number);
        if (handler->answer(service->world, number, reply + sizeof number,
                            handler->reply_len - sizeof number) < 0 ||
            dure_write_all(connection->fd, reply, handler->reply_len) < 0)
            break;
    }
    return dure_close(connection->fd);
}

static int64_t cpu_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * DURE_SECOND + now.tv_nsec;
}

/* The fastest of some tries: what else the processor does only makes it slower. */
static uint64_t calibrate(void)
{
    const uint64_t rounds = 500000;
    int64_t begun_ns, took_ns, best_ns = INT64_MAX;
    unsigned i;

    for (i = 0; i < 5; i++) {
        volatile uint64_t result;

        begun_ns = cpu_now_ns();
        result = compute(rounds);
        took_ns = cpu_now_ns() - begun_ns;
        (void)result;
        if (took_ns < best_ns)
            best_ns = took_ns;
    }
    return rounds * DURE_MILLISECOND / (uint64_t)(best_ns > 0 ? best_ns : 1);
}

/* On a disk, where there is one: what is only in memory (tmpfs) knows no reads that do not wait, which
   a file that a server serves does. */
static int make_file(void)
{
    char path[] = "/var/tmp/dure-compare-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return memfd_create("dure-compare", MFD_CLOEXEC);
    unlink(path);
    return fd;
}

int handler_world_init(struct handler_world *world)
{
    char *file;
    size_t i;

    world->file_fd = make_file();
    if (world->file_fd < 0)
        return -1;
    if (ftruncate(world->file_fd, FILE_LEN) < 0)
        goto err_close;
    file = mmap(NULL, FILE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, world->file_fd, 0);
    if (file == MAP_FAILED)
        goto err_close;
    for (i = 0; i < FILE_LEN; i++)
        file[i] = (char)(i * 31 + (i >> 12) * 7);
    world->file = file;
    world->rounds_a_ms = calibrate();
    return 0;

err_close:
    dure_close(world->file_fd);
    return -1;
}

void handler_world_fini(struct handler_world *world)
{
    munmap((void *)(uintptr_t)world->file, FILE_LEN);
    dure_close(world->file_fd);
}

/* Descriptions, and the numbers that stand for them. */
#include "backend/sim/inside.h"

#include <stdlib.h>

/* Above what programs have open of the machine's own, so that a simulated number in a real call is
   EBADF and an escape is seen; and below FD_SETSIZE, so that a set of dure_select has room. */
#define NUMBER_FIRST 512
/* No number is as high; F_DUPFD may ask for one. */
#define NUMBER_END (1 << 20)

struct number {
    struct sim_file *file; /* NULL: free */
    bool close_on_exec;
    bool reserved; /* not yet to be met */
};

static struct number *numbers;
static unsigned numbers_len, numbers_size;
static unsigned lowest; /* none below is free */
static struct list changed;

int sim_files_init(void)
{
    numbers_len = lowest = 0;
    list_init(&changed);
    return 0;
}

void sim_file_init(struct sim_file *file, const struct sim_kind *kind, struct sim_host *host,
                   int flags)
{
    *file = (struct sim_file){ .kind = kind, .host = host, .flags = flags };
    list_init(&file->waiting[SIM_READERS]);
    list_init(&file->waiting[SIM_WRITERS]);
    list_init(&file->changed);
    list_push_back(&host->files, &file->of_host);
}

/* Room for so many. */
static int grow(unsigned len)
{
    unsigned size = numbers_size ? numbers_size : 256;
    struct number *larger;

    if (len > NUMBER_END - NUMBER_FIRST)
        return -EMFILE;
    while (size < len)
        size *= 2;
    larger = size > numbers_size ? realloc(numbers, size * sizeof *larger) : numbers;
    if (!larger)
        return -ENFILE;
    numbers = larger;
    numbers_size = size;
    while (numbers_len < len)
        numbers[numbers_len++] = (struct number){ NULL, false };
    return 0;
}

/* The lowest that is free, as POSIX has it: who uses an old number meets the new description. The
   look goes over a stretch of used ones; no world holds so many that it tells. */
static int add_number(struct sim_file *file, unsigned from, bool close_on_exec)
{
    unsigned at = from > lowest ? from : lowest;
    int error;

    if (sim_fails(&file->host->descriptors))
        return -EMFILE;
    while (at < numbers_len && numbers[at].file)
        at++;
    if (from <= lowest)
        lowest = at;
    error = at < numbers_len ? 0 : grow(at + 1);
    if (error < 0)
        return error;
    numbers[at] = (struct number){ .file = file, .close_on_exec = close_on_exec };
    file->references++;
    return (int)(NUMBER_FIRST + at);
}

int sim_number_add(struct sim_file *file, bool close_on_exec)
{
    return add_number(file, 0, close_on_exec);
}

int sim_numbers_end(void)
{
    return (int)(NUMBER_FIRST + numbers_len);
}

void sim_file_end(struct sim_file *file, bool crashed)
{
    ASSERT(list_empty(&file->waiting[SIM_READERS]) && list_empty(&file->waiting[SIM_WRITERS]));
    list_remove(&file->changed);
    list_init(&file->changed);
    list_remove(&file->of_host);
    free(file->options);
    file->kind->release(file, crashed);
}

void sim_file_hold(struct sim_file *file)
{
    file->references++;
}

void sim_file_let_go(struct sim_file *file)
{
    if (--file->references == 0)
        sim_file_end(file, false);
}

int sim_number_give(struct sim_file *file, int flags)
{
    int fd;

    if (!file)
        return -ENOMEM;
    fd = sim_number_add(file, flags & O_CLOEXEC);
    if (fd < 0)
        sim_file_end(file, false);
    return fd;
}

/* Of whatever host; NULL: it is free. */
static struct number *number_at(int fd)
{
    unsigned at = (unsigned)fd - NUMBER_FIRST;

    return fd >= NUMBER_FIRST && at < numbers_len && numbers[at].file && !numbers[at].reserved
               ? &numbers[at]
               : NULL;
}

static struct number *number_here(int fd)
{
    struct number *number = number_at(fd);

    return number && number->file->host == sim_host_here() ? number : NULL;
}

struct sim_file *sim_file_of_host(int fd, const struct sim_host *host)
{
    struct number *number = number_at(fd);

    return number && (!host || number->file->host == host) ? number->file : NULL;
}

struct sim_file *sim_file_of(int fd)
{
    struct number *number = number_here(fd);

    return number ? number->file : NULL;
}

static void number_free(struct number *number)
{
    unsigned at = (unsigned)(number - numbers);

    number->file = NULL;
    if (at < lowest)
        lowest = at;
}

static void close_number(struct number *number)
{
    struct sim_file *file = number->file;

    number_free(number);
    sim_file_end_waits(file, (int)(NUMBER_FIRST + (number - numbers)), -EBADF);
    if (file->kind->number_closed)
        file->kind->number_closed(file);
    sim_file_let_go(file);
}

void sim_files_fini(void)
{
    for (unsigned i = 0; i < numbers_len; i++)
        if (numbers[i].file)
            close_number(&numbers[i]);
    sim_hosts_close_all(); /* sockets that were sent over themselves */
    free(numbers);
    numbers = NULL;
    numbers_len = numbers_size = 0;
}

int sim_number_reserve(struct sim_file *file, bool close_on_exec)
{
    int fd = sim_number_add(file, close_on_exec);

    if (fd >= 0)
        numbers[fd - NUMBER_FIRST].reserved = true;
    return fd;
}

void sim_number_show(int fd)
{
    numbers[fd - NUMBER_FIRST].reserved = false;
}

void sim_number_drop(int fd)
{
    close_number(&numbers[fd - NUMBER_FIRST]);
}

int sim_file_drop(struct sim_file *file, int error)
{
    sim_file_end(file, false);
    return error;
}

int sim_number_close(int fd)
{
    struct number *number = number_here(fd);

    if (!number)
        return -EBADF;
    close_number(number);
    return 0;
}

int sim_number_dup(int fd, int from, bool close_on_exec)
{
    struct sim_file *file = sim_file_of(fd);

    if (!file)
        return -EBADF;
    if (from < 0 || from >= NUMBER_END)
        return -EINVAL;
    return add_number(file, from > NUMBER_FIRST ? (unsigned)from - NUMBER_FIRST : 0, close_on_exec);
}

/* Makes the number free, for the caller's host. */
static int make_way(int fd)
{
    unsigned at = (unsigned)fd - NUMBER_FIRST;

    if (at >= numbers_len)
        return grow(at + 1);
    if (!numbers[at].file)
        return 0;
    return sim_number_close(fd) < 0 ? -EBUSY : 0;
}

int sim_number_dup_to(int fd, int to, bool close_on_exec)
{
    struct sim_file *file = sim_file_of(fd);
    int error;

    if (!file || to < 0 || to >= NUMBER_END)
        return -EBADF;
    if (to < NUMBER_FIRST)
        return -ENOSYS;
    error = make_way(to);
    if (error < 0)
        return error;
    numbers[to - NUMBER_FIRST] = (struct number){ .file = file, .close_on_exec = close_on_exec };
    file->references++;
    return to;
}

int sim_number_flags(int fd, int set)
{
    struct number *number = number_here(fd);

    if (!number)
        return -EBADF;
    if (set >= 0)
        number->close_on_exec = set & FD_CLOEXEC;
    return set < 0 && number->close_on_exec ? FD_CLOEXEC : 0;
}

void sim_host_close_all(struct sim_host *host)
{
    /* A crash is rare, so that all numbers may be looked at. */
    for (unsigned i = 0; i < numbers_len; i++)
        if (numbers[i].file && numbers[i].file->host == host)
            number_free(&numbers[i]);
    sim_rights_forget(host);
    while (!list_empty(&host->files)) {
        struct sim_file *file = container_of(host->files.next, struct sim_file, of_host);

        sim_file_end_waits(file, -1, -ECANCELED);
        sim_file_end(file, true);
    }
}

/* --- waits --- */

void sim_file_changed(struct sim_file *file)
{
    bool waited =
        !list_empty(&file->waiting[SIM_READERS]) || !list_empty(&file->waiting[SIM_WRITERS]);

    if (waited && list_empty(&file->changed))
        list_push_back(&changed, &file->changed);
}

static void look_at_side(struct sim_file *file, struct list *waiting)
{
    struct list *node, *next;

    for (node = waiting->next; node != waiting; node = next) {
        struct op *op = container_of(node, struct op, link);
        int64_t result = sim_try(file, op);

        next = node->next;
        if (result == -EAGAIN && (op->code == OP_POLL || op->code == OP_LOCK))
            continue; /* nobody else's turn depends on them */
        if (result == -EAGAIN)
            break; /* first come first served */
        list_remove(node);
        sim_finish(op, result);
    }
}

void sim_settle(void)
{
    struct list *node;

    while ((node = list_pop_front(&changed))) {
        struct sim_file *file = container_of(node, struct sim_file, changed);
        unsigned first = sim_draw(SIM_SIDES);

        list_init(&file->changed);
        look_at_side(file, &file->waiting[first]);
        look_at_side(file, &file->waiting[!first]);
    }
}

void sim_file_end_waits(struct sim_file *file, int fd, int64_t result)
{
    for (int side = 0; side < SIM_SIDES; side++) {
        struct list *node, *next, *waiting = &file->waiting[side];

        for (node = waiting->next; node != waiting; node = next) {
            struct op *op = container_of(node, struct op, link);

            next = node->next;
            if (fd >= 0 && op->fd != fd)
                continue;
            list_remove(node);
            if (op->code == OP_CONNECT)
                file->kind->connect_abort(file);
            sim_finish(op, result);
        }
    }
}

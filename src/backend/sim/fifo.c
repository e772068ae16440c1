/* Named pipes: what passes through a FIFO of the simulated disk while somebody has it open. */
#include "backend/sim/disk.h"

#include <stdlib.h>

/* As much as a pipe holds; what fits into a page goes whole or not at all. */
#define ROOM 65536
#define PAGE 4096

struct sim_fifo {
    struct sim_bytes bytes;
    struct list ends;
    unsigned readers, writers;           /* that have it open, or wait in open */
    unsigned readers_ever, writers_ever; /* who came and went did come */
};

struct fifo_end {
    struct disk_file open; /* the first: disk_file_release frees it */
    struct sim_fifo *fifo;
    struct list of_fifo;
    struct list of_opening; /* waits for the other end; else itself */
    struct op *op;          /* the open that waits */
    int number;             /* what it will be given */
    unsigned others;        /* who had come to the other side before */
};

static struct list opening = { &opening, &opening };

static struct fifo_end *end_of(struct sim_file *file)
{
    return container_of(disk_file_of(file), struct fifo_end, open);
}

static bool reads(const struct sim_file *file)
{
    return (file->flags & O_ACCMODE) != O_WRONLY;
}

static bool writes(const struct sim_file *file)
{
    return (file->flags & O_ACCMODE) != O_RDONLY;
}

static void changed(struct sim_fifo *fifo)
{
    struct list *node;

    for (node = fifo->ends.next; node != &fifo->ends; node = node->next)
        sim_file_changed(&container_of(node, struct fifo_end, of_fifo)->open.file);
}

static int64_t fifo_read(struct sim_file *file, struct sim_transfer *transfer)
{
    struct sim_fifo *fifo = end_of(file)->fifo;
    size_t len = transfer->len < fifo->bytes.len ? transfer->len : fifo->bytes.len;

    if (transfer->len == 0 || (fifo->bytes.len == 0 && fifo->writers == 0))
        return 0;
    if (len == 0)
        return -EAGAIN;
    sim_transfer_in(transfer, fifo->bytes.data + fifo->bytes.start, len);
    sim_bytes_drop(&fifo->bytes, len);
    changed(fifo);
    return (int64_t)len;
}

static int64_t fifo_write(struct sim_file *file, struct sim_transfer *transfer)
{
    struct sim_fifo *fifo = end_of(file)->fifo;
    size_t room = ROOM - fifo->bytes.len, len = transfer->len < room ? transfer->len : room;
    char *data;
    int error;

    if (transfer->len == 0)
        return 0;
    if (fifo->readers == 0)
        return -EPIPE;
    if (len == 0 || (transfer->len <= PAGE && room < transfer->len))
        return -EAGAIN;
    data = malloc(len);
    if (!data)
        return -ENOMEM;
    sim_transfer_out(transfer, data, len);
    error = sim_bytes_add(&fifo->bytes, data, len);
    free(data);
    changed(fifo);
    return error < 0 ? error : (int64_t)len;
}

static unsigned fifo_poll(struct sim_file *file)
{
    const struct fifo_end *end = end_of(file);
    const struct sim_fifo *fifo = end->fifo;
    unsigned events = 0;

    if (reads(file) && fifo->bytes.len)
        events |= POLLIN | POLLRDNORM;
    if (reads(file) && fifo->writers == 0 && fifo->writers_ever != end->others)
        events |= POLLHUP;
    if (writes(file) && ROOM - fifo->bytes.len >= PAGE)
        events |= POLLOUT | POLLWRNORM;
    if (writes(file) && fifo->readers == 0)
        events |= POLLERR;
    return events;
}

static void leave(struct fifo_end *end)
{
    struct sim_fifo *fifo = end->fifo;
    struct inode *inode = end->open.file.inode;

    fifo->readers -= reads(&end->open.file);
    fifo->writers -= writes(&end->open.file);
    list_remove(&end->of_fifo);
    list_remove(&end->of_opening);
    changed(fifo);
    if (!list_empty(&fifo->ends))
        return;
    sim_bytes_fini(&fifo->bytes);
    free(fifo);
    inode->fifo = NULL;
}

static void fifo_release(struct sim_file *file, bool crashed)
{
    leave(end_of(file));
    disk_file_release(file, crashed);
}

static const struct sim_kind fifo_kind = {
    .mode = S_IFIFO,
    .read = fifo_read,
    .write = fifo_write,
    .poll = fifo_poll,
    .number_closed = disk_lock_number_closed,
    .release = fifo_release,
};

/* --- opening --- */

static struct sim_fifo *fifo_of(struct inode *inode)
{
    if (inode->fifo)
        return inode->fifo;
    inode->fifo = calloc(1, sizeof *inode->fifo);
    if (inode->fifo)
        list_init(&inode->fifo->ends);
    return inode->fifo;
}

static struct fifo_end *join(struct sim_host *host, struct inode *inode, int flags)
{
    struct sim_fifo *fifo = fifo_of(inode);
    struct fifo_end *end = fifo ? calloc(1, sizeof *end) : NULL;

    if (!end)
        return NULL;
    sim_file_init(&end->open.file, &fifo_kind, host, flags & (O_ACCMODE | O_NONBLOCK));
    end->open.file.inode = inode;
    end->fifo = fifo;
    list_init(&end->of_opening);
    list_push_back(&fifo->ends, &end->of_fifo);
    end->others = reads(&end->open.file) ? fifo->writers_ever : fifo->readers_ever;
    fifo->readers += reads(&end->open.file);
    fifo->readers_ever += reads(&end->open.file);
    fifo->writers += writes(&end->open.file);
    fifo->writers_ever += writes(&end->open.file);
    changed(fifo);
    return end;
}

/* Is the other end there, or has it been? */
static bool has_met(const struct fifo_end *end)
{
    const struct sim_file *file = &end->open.file;
    const struct sim_fifo *fifo = end->fifo;

    if (reads(file) && writes(file))
        return true;
    return reads(file) ? fifo->writers > 0 || fifo->writers_ever != end->others
                       : fifo->readers > 0 || fifo->readers_ever != end->others;
}

int64_t sim_fifo_open(struct sim_host *host, struct inode *inode, struct op *op, int flags)
{
    bool only_writes = (flags & O_ACCMODE) == O_WRONLY, may_wait = !(flags & O_NONBLOCK);
    struct fifo_end *end = NULL;

    if (only_writes && !may_wait && (!inode->fifo || inode->fifo->readers == 0)) {
        inode_let_go(host->disk, inode);
        return -ENXIO;
    }
    end = join(host, inode, flags);
    if (!end) {
        if (inode->fifo && list_empty(&inode->fifo->ends)) {
            free(inode->fifo);
            inode->fifo = NULL;
        }
        inode_let_go(host->disk, inode);
        return -ENOMEM;
    }
    if (!may_wait || has_met(end))
        return sim_number_give(&end->open.file, flags);
    end->number = sim_number_reserve(&end->open.file, flags & O_CLOEXEC);
    if (end->number < 0)
        return sim_file_drop(&end->open.file, end->number);
    end->op = op;
    op->state = SIM_OP_WAITING;
    list_push_back(&opening, &end->of_opening);
    list_push_back(&end->open.file.waiting[SIM_READERS], &op->link);
    return -EAGAIN;
}

int64_t sim_fifo_try_open(struct sim_file *file)
{
    struct fifo_end *end = end_of(file);

    if (!has_met(end))
        return -EAGAIN;
    list_remove(&end->of_opening);
    list_init(&end->of_opening);
    end->op = NULL;
    sim_number_show(end->number);
    return end->number;
}

void sim_fifo_abort_open(const struct op *op)
{
    struct list *node;

    for (node = opening.next; node != &opening; node = node->next) {
        struct fifo_end *end = container_of(node, struct fifo_end, of_opening);

        if (end->op != op)
            continue;
        sim_number_show(end->number);
        sim_number_drop(end->number);
        return;
    }
}

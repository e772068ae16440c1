/* The simulation as a backend: operations are tried on descriptions in memory, wait there, and
   complete in an order that the seed decides. */
#include "backend/sim/inside.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A loop's number is kept in op->scratch. */
#define LOOPS_MAX 255
/* What a look at the world takes at most: time passes for those who only yield, too. */
#define LOOK_NS 1000
/* What a look at the clock takes. */
#define CLOCK_NS 20
/* So many of 8 results that are there at once come as a completion all the same, as io_uring's. */
#define LATE_IN_8 2
/* And some come only after a time below this. */
#define LATE_NS 50000

struct sim {
    struct backend base;
    struct backend_config config;
    struct list finished;
    atomic_bool woken; /* relaxed: a plain thread may wake; what it sent orders itself */
};

/* A result that is on its way. */
struct answer {
    struct sim_event event;
    struct op *op;
};

static struct sim *sims[LOOPS_MAX];
static unsigned sims_len;
static bool own_world;

static struct sim *sim_of(struct backend *backend)
{
    return container_of(backend, struct sim, base);
}

/* --- the world as a whole --- */

int sim_init(uint64_t seed, const struct sim_options *options)
{
    sim_world_options = *options;
    sim_random_init(seed);
    sim_events_init();
    sim_trace_init(options->trace);
    sim_files_init();
    sim_connections_init();
    return sim_hosts_init();
}

void sim_fini(void)
{
    sim_trace_stop();
    sim_files_fini();
    while (sim_advance(INT64_MAX))
        ; /* what is under way arrives, and finds nobody */
    sim_hosts_fini();
    sim_events_fini();
}

static int init_by_environment(void)
{
    static const struct sim_options plain;
    const char *seed = getenv("DURE_SIM_SEED");

    own_world = true;
    return sim_init(seed ? strtoull(seed, NULL, 0) : 1, &plain);
}

size_t sim_transfer_max(const struct op *op)
{
    return sims[op->scratch]->config.transfer_max;
}

/* --- completions --- */

/* The loop can collect it from now on. */
static void publish(struct op *op)
{
    struct sim *sim = sims[op->scratch];

    if (sim_draw(4))
        list_push_back(&sim->finished, &op->link);
    else
        list_push_front(&sim->finished, &op->link);
}

static void answer_comes(struct sim_event *event)
{
    struct answer *answer = container_of(event, struct answer, event);
    struct op *op = answer->op;

    free(answer);
    publish(op);
}

/* The result is published after some time. Returns false without memory. */
static bool answer_after(struct op *op, int64_t ns)
{
    struct answer *answer = calloc(1, sizeof *answer);

    if (!answer)
        return false;
    answer->op = op;
    answer->event.fire = answer_comes;
    if (sim_event_add(&answer->event, sim_now() + ns) == 0)
        return true;
    free(answer);
    return false;
}

/* Some completions take their time, as a kernel's do: a cancel may come in between. */
void sim_finish(struct op *op, int64_t result)
{
    ASSERT(op->state != SIM_OP_FINISHED);
    op->result = result;
    op->state = SIM_OP_FINISHED;
    if (sim_draw(8) > 0 || !answer_after(op, sim_draw(LATE_NS)))
        publish(op);
}

bool sim_has_news(const struct backend *backend)
{
    const struct sim *sim = container_of(backend, const struct sim, base);

    return atomic_load_explicit(&sim->woken, memory_order_relaxed) || !list_empty(&sim->finished);
}

static void tell(struct op *op)
{
    op->state = SIM_OP_IDLE;
    sim_trace(TRACE_DONE, op->fd, op->result);
    op->done(op);
}

static void collect(struct backend *backend, int64_t wait_ns)
{
    struct sim *sim = sim_of(backend);
    struct list batch, *node;

    (void)wait_ns; /* the driver of all loops decides when time is skipped: see sim_advance */
    sim_time_pass(1 + sim_draw(LOOK_NS));
    sim_events_due();
    sim_settle();
    atomic_store_explicit(&sim->woken, false, memory_order_relaxed);
    if (list_empty(&sim->finished))
        return;
    batch = sim->finished;
    batch.next->prev = batch.prev->next = &batch;
    list_init(&sim->finished);
    while ((node = list_pop_front(&batch)))
        tell(container_of(node, struct op, link));
}

/* --- disks take their time --- */

static int64_t do_on_disk(struct op *op)
{
    struct sim_file *file;

    if (op->code == OP_OPENAT)
        return sim_disk_open(sim_host_here(), op);
    if (op->code == OP_STAT)
        return sim_disk_statx(sim_host_here(),
                              &(struct disk_file_name){ op->fd, op->u.stat.path, op->u.stat.flags },
                              STATX_BASIC_STATS | STATX_BTIME, op->u.stat.out);
    file = sim_file_of(op->fd);
    if (!file)
        return -EBADF;
    if (op->code == OP_FSYNC)
        return sim_disk_sync(file, op->u.sync.data_only);
    return sim_try(file, op);
}

/* What the operation does happens at once, so that it is its caller's host that does it; what takes
   time is the answer. To a cancel it has begun. */
static enum submitted delay(struct op *op)
{
    op->result = do_on_disk(op);
    if (op->state == SIM_OP_WAITING) /* the open of a FIFO */
        return SUBMIT_PENDING;
    if (op->result == -EBADF || !answer_after(op, sim_disk_ns()))
        return SUBMIT_DONE;
    op->state = SIM_OP_FINISHED;
    return SUBMIT_PENDING;
}

/* --- the contract --- */

/* Who only asks what is ready is answered within submit. */
static bool may_be_late(const struct op *op)
{
    return op->code != OP_POLL || !(op->flags & OP_DONT_WAIT);
}

static enum submitted done(struct op *op, int64_t result)
{
    if (may_be_late(op) && sim_draw(8) < LATE_IN_8) {
        sim_finish(op, result);
        return SUBMIT_PENDING;
    }
    op->result = result;
    return SUBMIT_DONE;
}

/* The three numbers that every program has: what it says goes to the real ones. */
static enum submitted console(struct op *op)
{
    struct sim_transfer transfer;

    op->result = -EBADF;
    if (op->fd > 0 && (op->code == OP_WRITE || op->code == OP_WRITEV) &&
        sim_transfer_init(&transfer, op) == 0)
        op->result = writev(op->fd, transfer.iov, (int)transfer.iov_len);
    else if (op->fd == 0 && (op->code == OP_READ || op->code == OP_READV))
        op->result = 0;
    else if (op->code == OP_POLL)
        op->result = op->fd ? POLLOUT : POLLIN;
    return SUBMIT_DONE;
}

static bool may_wait(const struct sim_file *file, const struct op *op)
{
    bool always = op->code == OP_POLL || op->code == OP_LOCK;

    return !(op->flags & OP_DONT_WAIT) && (always || !(file->flags & O_NONBLOCK));
}

static enum submitted submit_io(struct op *op)
{
    struct sim_file *file = sim_file_of(op->fd);
    int64_t result;

    if (!file)
        return done(op, -EBADF);
    result = sim_try(file, op);
    if (result != -EAGAIN || !may_wait(file, op))
        return done(op, result);
    op->state = SIM_OP_WAITING;
    list_push_back(&file->waiting[sim_side_of(op)], &op->link);
    return SUBMIT_PENDING;
}

static bool is_slow(const struct op *op)
{
    struct sim_file *file;

    if (op->code == OP_OPENAT || op->code == OP_STAT || op->code == OP_FSYNC)
        return true;
    file = sim_file_of(op->fd);
    return file && file->kind->slow && op->code != OP_POLL && op->code != OP_LOCK;
}

static enum submitted submit(struct backend *backend, struct op *op)
{
    struct sim *sim = sim_of(backend);

    op->state = SIM_OP_IDLE;
    op->scratch = (uint8_t)sim->config.loop;
    sim_trace(TRACE_SUBMIT, op->fd, op->code);
    op->result = -ENOSYS;
    if (op->code == OP_CLOSE)
        op->result = sim_number_close(op->fd);
    if (op->code == OP_FORGET) /* a close ends the waits itself */
        op->result = 0;
    if (!sim_can(op))
        return SUBMIT_DONE;
    if (op->fd >= 0 && op->fd <= 2 && op->code != OP_OPENAT && op->code != OP_STAT)
        return console(op);
    return is_slow(op) ? delay(op) : submit_io(op);
}

static void cancel(struct backend *backend, struct op *op)
{
    struct sim_file *file;

    (void)backend;
    if (op->state != SIM_OP_WAITING)
        return; /* it will be told how it ended */
    list_remove(&op->link);
    if (op->code == OP_OPENAT) {
        sim_fifo_abort_open(op);
    } else if (op->code == OP_CONNECT) {
        file = sim_file_of_host(op->fd, NULL);
        file->kind->connect_abort(file);
    }
    sim_finish(op, -ECANCELED);
}

static void wake(struct backend *backend)
{
    atomic_store_explicit(&sim_of(backend)->woken, true, memory_order_relaxed);
}

static void born(struct backend *backend, int fd)
{
    (void)backend;
    (void)fd;
}

static int poll_fd(struct backend *backend)
{
    (void)backend;
    return -ENOTSUP;
}

static int64_t now(struct backend *backend)
{
    (void)backend;
    sim_time_pass(CLOCK_NS);
    return sim_now();
}

static int create(const struct backend_config *config, struct backend **out)
{
    struct sim *sim;
    int error;

    if (config->loop >= LOOPS_MAX)
        return -EINVAL;
    if (sims_len == 0 && !sim_host_at(0)) {
        error = init_by_environment();
        if (error < 0)
            return error;
    }
    sim = calloc(1, sizeof *sim);
    if (!sim)
        return -ENOMEM;
    sim->base.ops = &backend_sim;
    sim->config = *config;
    list_init(&sim->finished);
    sims[config->loop] = sim;
    sims_len++;
    *out = &sim->base;
    return 0;
}

static void destroy(struct backend *backend)
{
    struct sim *sim = sim_of(backend);

    sims[sim->config.loop] = NULL;
    free(sim);
    if (--sims_len > 0 || !own_world)
        return;
    own_world = false;
    sim_fini();
}

const struct backend_ops backend_sim = {
    .name = "sim",
    .world = &world_sim,
    .create = create,
    .destroy = destroy,
    .submit = submit,
    .cancel = cancel,
    .collect = collect,
    .wake = wake,
    .born = born,
    .poll_fd = poll_fd,
    .now = now,
};

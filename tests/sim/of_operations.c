/* Properties of operations that are started: each start is told once, on its own loop, and what has
   been told is left alone. */
#include "properties.h"

#include <poll.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define OWNERS 4
#define STARTS_MAX 40
#define SLOTS 12 /* the last one's results go to futures */
#define PROMISES (SLOTS - 1)
#define BYTES 200

enum kind { SLEEP, RECEIVE, SEND, POLL, CLOSE, KINDS };
enum state { IDLE, UNDER_WAY, PROMISED /* to a future */, GIVEN_BACK };

struct owner;

struct work {
    dure_op op;
    unsigned char bytes[BYTES];
    dure_future future;
    struct owner *owner;
    enum kind kind;
    enum state state;
    size_t len;
};

/* A task that starts operations, in a scope that ends some time. */
struct owner {
    struct work works[SLOTS];
    dure_scope scope;
    int fds[2];
    unsigned starts, told;
    size_t sent, received;
    bool starting;
};

/* --- what is started --- */

static void make(struct work *work)
{
    struct owner *owner = work->owner;

    work->kind = (enum kind)dure_sim_draw(KINDS);
    work->len = 1 + dure_sim_draw(BYTES);
    switch (work->kind) {
    case SLEEP:
        dure_op_sleep_until(&work->op, dure_sim_draw(4)
                                           ? dure_after(dure_sim_draw(500) * DURE_MICROSECOND)
                                           : (dure_deadline){ 0 });
        break;
    case RECEIVE:
        dure_op_recv(&work->op, owner->fds[0], work->bytes, work->len, 0);
        break;
    case SEND:
        dure_op_send(&work->op, owner->fds[1], work->bytes, work->len, 0);
        break;
    case POLL:
        dure_op_poll(&work->op, owner->fds[0], POLLIN);
        break;
    default:
        dure_op_close(&work->op, dure_socket(AF_INET, SOCK_STREAM, 0));
    }
}

/* A cancelled one did nothing; of a send that moved something, that counts. */
static void note_result(struct work *work, int64_t result, int error)
{
    struct owner *owner = work->owner;

    owner->told++;
    if (result < 0) {
        CHECK_EQ(error, ECANCELED);
        CHECK(work->kind != CLOSE);
        return;
    }
    if (work->kind == RECEIVE)
        owner->received += (size_t)result;
    else if (work->kind == SEND)
        owner->sent += (size_t)result;
    if (work->kind == RECEIVE || work->kind == SEND)
        CHECK(result > 0 && (size_t)result <= work->len);
    else
        CHECK_EQ(result, work->kind == POLL ? POLLIN : 0);
}

/* From now on nobody may write there; looks_untouched() tells. */
static void give_back(struct work *work)
{
    memset(&work->op, 0xa5, sizeof work->op);
    memset(work->bytes, 0xa5, sizeof work->bytes);
    work->state = GIVEN_BACK;
}

static bool looks_untouched(const struct work *work)
{
    const unsigned char *op = (const unsigned char *)&work->op;

    for (size_t i = 0; i < sizeof work->op; i++)
        if (op[i] != 0xa5)
            return false;
    for (size_t i = 0; i < BYTES; i++)
        if (work->bytes[i] != 0xa5)
            return false;
    return true;
}

/* --- starting and being told --- */

static void told(dure_op *op, int64_t result, void *arg);

/* By the way that says so if this is not the scope's loop, or by the one that finds the scope. */
static int start(struct work *work)
{
    return dure_sim_draw(2) ? dure_start_in(&work->owner->scope, &work->op, told, work)
                            : dure_start(&work->op, told, work);
}

/* again: as it is, if it can be. */
static void begin(struct work *work, bool again)
{
    struct owner *owner = work->owner;

    if (owner->starts == STARTS_MAX)
        return;
    if (!again || work->kind == CLOSE)
        make(work);
    work->state = UNDER_WAY;
    owner->starting = true;
    if (start(work) == 0) {
        owner->starts++;
    } else {
        CHECK_EQ(errno, ECANCELED);
        CHECK(work->kind != CLOSE);
        work->state = IDLE;
    }
    owner->starting = false;
}

static void promise(struct work *work)
{
    if (work->owner->starts == STARTS_MAX)
        return;
    make(work);
    work->state = IDLE;
    if (dure_op_future(&work->op, &work->future) == 0) {
        work->state = PROMISED;
        work->owner->starts++;
    } else {
        CHECK_EQ(errno, ECANCELED);
        CHECK_FAILS(dure_await(&work->future), ECANCELED);
    }
}

static struct work *any_of(struct owner *owner)
{
    return &owner->works[dure_sim_draw(PROMISES)];
}

static void start_one(struct owner *owner)
{
    struct work *work = any_of(owner);

    if (work->state == GIVEN_BACK)
        CHECK(looks_untouched(work));
    if (work->state == IDLE || work->state == GIVEN_BACK)
        begin(work, false);
}

static void cancel_one(struct owner *owner)
{
    struct work *work = any_of(owner);

    if (work->state == UNDER_WAY)
        CHECK_EQ(dure_op_cancel(&work->op), 0);
    else if (work->state == IDLE)
        CHECK_FAILS(dure_op_cancel(&work->op), EINVAL);
}

static void told(dure_op *op, int64_t result, void *arg)
{
    struct work *work = arg;
    struct owner *owner = work->owner;

    CHECK(op == &work->op);
    CHECK_EQ(work->state, UNDER_WAY);
    CHECK(!owner->starting);
    note_result(work, result, errno);
    work->state = IDLE;
    switch (dure_sim_draw(4)) {
    case 0:
        begin(work, true);
        break;
    case 1:
        give_back(work);
        break;
    case 2:
        give_back(work);
        start_one(owner);
        cancel_one(owner);
        break;
    }
}

/* --- their owners --- */

/* Whoever starts may be ended at any time, by itself, its deadline or what is around it. */
static void start_and_cancel(struct owner *owner)
{
    unsigned rounds = dure_sim_draw(6);

    do {
        for (unsigned n = dure_sim_draw(6); n > 0; n--)
            start_one(owner);
        if (dure_sim_draw(2))
            promise(&owner->works[PROMISES]);
        dure_sleep_for(dure_sim_draw(300) * DURE_MICROSECOND);
        cancel_one(owner);
    } while (rounds-- > 0 && owner->works[PROMISES].state != PROMISED);
}

/* After the close nothing is under way, and nothing comes any more. */
static void look_at_all(struct owner *owner)
{
    struct work *promised = &owner->works[PROMISES];
    intptr_t result;

    if (promised->state == PROMISED) {
        CHECK_EQ(dure_future_done(&promised->future), 1);
        result = dure_await(&promised->future);
        note_result(promised, result, errno);
        give_back(promised);
    }
    CHECK_EQ(owner->told, owner->starts);
    dure_sleep_for(DURE_MILLISECOND);
    CHECK_EQ(owner->told, owner->starts);
    for (int i = 0; i < SLOTS; i++) {
        CHECK(owner->works[i].state != UNDER_WAY);
        if (owner->works[i].state == GIVEN_BACK)
            CHECK(looks_untouched(&owner->works[i]));
    }
}

static void drain(struct owner *owner)
{
    unsigned char bytes[BYTES];
    ssize_t n;

    while ((n = dure_recv(owner->fds[0], bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        owner->received += (size_t)n;
    CHECK_EQ(owner->received, owner->sent);
    CHECK_EQ(dure_close(owner->fds[0]), 0);
    CHECK_EQ(dure_close(owner->fds[1]), 0);
}

static int own(void *arg)
{
    dure_scope_options options = {
        .deadline = dure_after(dure_sim_draw(2000) * DURE_MICROSECOND),
        .grace_ns = dure_sim_draw(3) ? 0 : dure_sim_draw(500) * DURE_MICROSECOND,
    };
    struct owner *owner = calloc(1, sizeof *owner);

    (void)arg;
    for (int i = 0; i < SLOTS; i++)
        owner->works[i].owner = owner;
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, owner->fds), 0);
    CHECK_EQ(dure_scope_open_with(&owner->scope, &options), 0);
    start_and_cancel(owner);
    if (dure_sim_draw(4) == 0)
        dure_scope_cancel(&owner->scope);
    if (dure_scope_close(&owner->scope) < 0)
        CHECK(errno == ECANCELED || errno == ETIMEDOUT);
    DURE_SHIELD(DURE_SECOND)
    {
        look_at_all(owner);
        drain(owner);
    }
    free(owner);
    return 0;
}

void operations_are_told_once(void)
{
    dure_scope scope;

    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    for (int i = 0; i < OWNERS; i++)
        CHECK_EQ(dure_spawn(&scope, own, NULL, 0), 0);
    if (dure_sim_draw(3) == 0) {
        dure_sleep_for(dure_sim_draw(1500) * DURE_MICROSECOND);
        dure_scope_cancel(&scope);
    }
    if (dure_scope_close(&scope) < 0)
        CHECK_EQ(errno, ECANCELED);
}

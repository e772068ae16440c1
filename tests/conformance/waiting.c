/* Checks that hold for every call that waits. */
#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>

static const struct waiting_kind *kind_here;

static int64_t call_of(void *arg)
{
    return kind_here->call(arg);
}

static bool begin(const struct waiting_kind *kind, struct waiting *w)
{
    *w = (struct waiting){ .fd = -1, .other = -1, .more = { -1, -1, -1 } };
    kind_here = kind;
    if (simulated() && (kind->flags & WAITING_REAL))
        return !simulated_skips(kind->name, "it is not simulated");
    dure_task_set_name(kind->name);
    return kind->make(w);
}

static void end(struct waiting *w)
{
    size_t i;

    if (w->fd >= 0)
        CHECK_EQ(dure_close(w->fd), 0);
    if (w->other >= 0)
        CHECK_EQ(dure_close(w->other), 0);
    for (i = 0; i < 3; i++)
        if (w->more[i] >= 0)
            CHECK_EQ(dure_close(w->more[i]), 0);
    if (w->path[0])
        dure_unlink(w->path);
    w->path[0] = '\0';
}

static void check_result(const struct waiting_kind *kind, const struct background *b)
{
    if (kind->result < 0) {
        errno = b->error;
        CHECK(b->result >= 0);
    } else {
        errno = b->error;
        CHECK_EQ(b->result, kind->result);
    }
}

/* Nothing was lost or taken: it still goes on as it should. */
static void check_usable(const struct waiting_kind *kind, struct waiting *w, bool released)
{
    struct background b = { 0 };

    if (!released)
        kind->release(w);
    errno = 0;
    b.result = kind->call(w);
    b.error = errno;
    check_result(kind, &b);
}

static bool has_fd(const struct waiting_kind *kind)
{
    return !(kind->flags & (WAITING_NOT_FD | WAITING_OBJECT));
}

#define EACH(kinds, len) \
    for (const struct waiting_kind *kind = (kinds); kind < (kinds) + (len); kind++)

static void goes_on(const struct waiting_kind *kind, int place)
{
    struct background b;
    struct waiting w;
    dure_scope scope;

    if (!begin(kind, &w))
        return;
    dure_scope_open(&scope);
    background_start(&b, &scope, place, call_of, &w);
    CHECK(!atomic_load(&b.done));
    kind->release(&w);
    CHECK_EQ(dure_scope_close(&scope), 0);
    check_result(kind, &b);
    end(&w);
}

void waiting_goes_on(const struct waiting_kind *kinds, size_t len)
{
    EACH(kinds, len)
    goes_on(kind, DURE_THIS_LOOP);
}

void waiting_from_another_loop(const struct waiting_kind *kinds, size_t len)
{
    EACH(kinds, len)
    goes_on(kind, DURE_LOOP(1));
}

void waiting_canceled_before(const struct waiting_kind *kinds, size_t len)
{
    struct waiting w;
    dure_scope scope;

    EACH(kinds, len)
    {
        if (!begin(kind, &w))
            continue;
        dure_scope_open(&scope);
        dure_scope_cancel(&scope);
        CHECK_FAILS(kind->call(&w), ECANCELED);
        kind->release(&w);
        CHECK_FAILS(kind->call(&w), ECANCELED); /* ready or not */
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        check_usable(kind, &w, true);
        end(&w);
    }
}

void waiting_canceled_during(const struct waiting_kind *kinds, size_t len)
{
    struct background b;
    struct waiting w;
    dure_scope scope;

    EACH(kinds, len)
    {
        if (!begin(kind, &w))
            continue;
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_THIS_LOOP, call_of, &w);
        CHECK(!atomic_load(&b.done));
        dure_scope_cancel(&scope);
        CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
        CHECK_EQ(b.result, -1);
        CHECK_EQ(b.error, ECANCELED);
        check_usable(kind, &w, false);
        end(&w);
    }
}

/* Whoever comes first wins, and the other one does nothing. */
void waiting_canceled_after(const struct waiting_kind *kinds, size_t len)
{
    struct background b;
    struct waiting w;
    dure_scope scope;

    EACH(kinds, len)
    {
        if (!begin(kind, &w))
            continue;
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_THIS_LOOP, call_of, &w);
        kind->release(&w);
        dure_scope_cancel(&scope);
        dure_scope_close(&scope);
        if (b.result < 0) {
            CHECK_EQ(b.error, ECANCELED);
            check_usable(kind, &w, true);
        } else if (kind->flags & WAITING_PARTS) {
            CHECK(b.result > 0 && b.result <= kind->result);
        } else {
            check_result(kind, &b);
        }
        end(&w);
    }
}

void waiting_deadline(const struct waiting_kind *kinds, size_t len)
{
    struct waiting w;
    int64_t result, begun_ns;

    EACH(kinds, len)
    {
        if (!begin(kind, &w))
            continue;
        begun_ns = dure_now();
        result = 0;
        DURE_WITHIN(dure_after(2 * DURE_MILLISECOND))
        result = kind->call(&w);
        CHECK_EQ(errno, ETIMEDOUT);
        CHECK_EQ(result, -1);
        CHECK(dure_now() - begun_ns >= 2 * DURE_MILLISECOND);
        check_usable(kind, &w, false);
        end(&w);
    }
}

static void check_closed(const struct waiting_kind *kind, const struct background *b)
{
    if (kind->flags & WAITING_POLL) {
        CHECK_EQ(b->result, 1);
    } else {
        errno = b->error;
        CHECK_EQ(b->result, -1);
        CHECK_EQ(b->error, EBADF);
    }
}

static void closed(const struct waiting_kind *kind, int place)
{
    struct background b;
    struct waiting w;
    dure_scope scope;

    if (!has_fd(kind) || !begin(kind, &w))
        return;
    dure_scope_open(&scope);
    background_start(&b, &scope, place, call_of, &w);
    CHECK_EQ(dure_close(w.fd), 0);
    CHECK_FAILS(dure_fcntl(w.fd, F_GETFD), EBADF);
    CHECK_EQ(dure_scope_close(&scope), 0);
    check_closed(kind, &b);
    w.fd = -1;
    end(&w);
}

void waiting_closed_here(const struct waiting_kind *kinds, size_t len)
{
    EACH(kinds, len)
    closed(kind, DURE_THIS_LOOP);
}

void waiting_closed_elsewhere(const struct waiting_kind *kinds, size_t len)
{
    EACH(kinds, len)
    closed(kind, DURE_LOOP(1));
}

static void *close_on_thread(void *arg)
{
    CHECK_EQ(dure_close(*(int *)arg), 0);
    return NULL;
}

void waiting_closed_by_thread(const struct waiting_kind *kinds, size_t len)
{
    struct background b;
    struct waiting w;
    pthread_t thread;
    dure_scope scope;

    NOT_SIMULATED("plain threads do not know its descriptors");
    EACH(kinds, len)
    {
        if (!has_fd(kind) || !begin(kind, &w))
            continue;
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(1), call_of, &w);
        CHECK_EQ(pthread_create(&thread, NULL, close_on_thread, &w.fd), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        pthread_join(thread, NULL);
        check_closed(kind, &b);
        w.fd = -1;
        end(&w);
    }
}

static bool readiness_only(void)
{
    return strcmp(dure_backend_name(), "poll") == 0 || strcmp(dure_backend_name(), "select") == 0;
}

/* Plain code puts another description under the number of a wait. */
void waiting_number_reused(const struct waiting_kind *kinds, size_t len)
{
    struct background old, new;
    struct waiting w, v;
    dure_scope olds, news;

    NOT_SIMULATED("no plain call puts another description under a number");
    EACH(kinds, len)
    {
        if (!has_fd(kind) || ((kind->flags & WAITING_ANON) && readiness_only()) ||
            !begin(kind, &w) || !begin(kind, &v))
            continue;
        dure_scope_open(&olds);
        dure_scope_open(&news);
        background_start(&old, &olds, DURE_THIS_LOOP, call_of, &w);
        CHECK(!atomic_load(&old.done));
        CHECK_EQ(dup2(v.fd, w.fd), w.fd); /* closes the old description */
        close(v.fd);
        v.fd = w.fd;
        w.fd = -1;
        background_start(&new, &news, DURE_THIS_LOOP, call_of, &v);
        CHECK(!atomic_load(&new.done));
        kind->release(&v);
        CHECK_EQ(dure_scope_close(&news), 0);
        check_result(kind, &new);
        dure_scope_cancel(&olds);
        dure_scope_close(&olds);
        CHECK_EQ(old.result, -1); /* never what was meant for the new one */
        CHECK(old.error == ECANCELED || old.error == EBADF);
        end(&w);
        end(&v);
    }
}

static void nonblock_by(const struct waiting_kind *kind, bool before)
{
    struct waiting w;
    int flags;

    if (!kind->nonblock_error || !begin(kind, &w))
        return;
    if (!before) { /* the backend has got to know it */
        check_usable(kind, &w, false);
        if (kind->starve)
            kind->starve(&w);
    }
    flags = dure_fcntl(w.fd, F_GETFL);
    CHECK_EQ(flags & O_NONBLOCK, 0);
    CHECK_EQ(dure_fcntl(w.fd, F_SETFL, flags | O_NONBLOCK), 0);
    CHECK(dure_fcntl(w.fd, F_GETFL) & O_NONBLOCK);
    CHECK(plain_fcntl(w.fd, F_GETFL) & O_NONBLOCK);
    if (!before && (kind->flags & WAITING_ONCE)) {
        end(&w);
        return;
    }
    CHECK_FAILS(kind->call(&w), kind->nonblock_error);
    if (!(kind->flags & WAITING_ONCE)) {
        CHECK_FAILS(kind->call(&w), kind->nonblock_error);
        CHECK_EQ(dure_fcntl(w.fd, F_SETFL, flags), 0);
        check_usable(kind, &w, false);
    }
    end(&w);
}

void waiting_nonblock(const struct waiting_kind *kinds, size_t len)
{
    EACH(kinds, len)
    {
        nonblock_by(kind, true);
        nonblock_by(kind, false);
    }
}

void waiting_two_tasks(const struct waiting_kind *kinds, size_t len)
{
    static const int places[] = { DURE_THIS_LOOP, DURE_LOOP(1) };
    struct background a, b;
    struct waiting w;
    dure_scope scope;
    size_t i;

    EACH(kinds, len)
    {
        for (i = 0; i < 2; i++) {
            if ((kind->flags & (WAITING_ONCE | WAITING_NOT_FD | WAITING_ALONE)) || !begin(kind, &w))
                continue;
            dure_scope_open(&scope);
            background_start(&a, &scope, DURE_THIS_LOOP, call_of, &w);
            background_start(&b, &scope, places[i], call_of, &w);
            CHECK(!atomic_load(&a.done) && !atomic_load(&b.done));
            kind->release(&w);
            YIELD_UNTIL(atomic_load(&a.done) || atomic_load(&b.done));
            if (!atomic_load(&a.done) || !atomic_load(&b.done))
                kind->release(&w);
            CHECK_EQ(dure_scope_close(&scope), 0);
            check_result(kind, &a);
            check_result(kind, &b);
            end(&w);
        }
    }
}

/* To close one number of a description leaves waits on the other alone. */
void waiting_dup(const struct waiting_kind *kinds, size_t len)
{
    struct background b;
    struct waiting w;
    dure_scope scope;
    int twin;

    EACH(kinds, len)
    {
        if (!has_fd(kind) || !begin(kind, &w))
            continue;
        twin = dure_dup(w.fd);
        CHECK(twin >= 0);
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_THIS_LOOP, call_of, &w);
        CHECK_EQ(dure_close(twin), 0);
        one_turn();
        CHECK(!atomic_load(&b.done));
        kind->release(&w);
        CHECK_EQ(dure_scope_close(&scope), 0);
        check_result(kind, &b);
        end(&w);
    }
}

static int spoil(void *arg)
{
    (void)arg;
    errno = ENOTTY;
    dure_yield();
    errno = EDOM;
    return 0;
}

static int64_t call_and_keep(void *arg)
{
    int64_t result;

    errno = 0;
    result = kind_here->call(arg);
    CHECK(errno != EDOM && errno != ENOTTY); /* what another task left there */
    return result;
}

void waiting_keeps_errno(const struct waiting_kind *kinds, size_t len)
{
    struct background b;
    struct waiting w;
    dure_scope scope;

    EACH(kinds, len)
    {
        if (!begin(kind, &w))
            continue;
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_THIS_LOOP, call_and_keep, &w);
        CHECK_EQ(dure_spawn(&scope, spoil, NULL, 0), 0);
        dure_yield();
        kind->release(&w);
        CHECK_EQ(dure_scope_close(&scope), 0);
        check_result(kind, &b);
        end(&w);
    }
}

static void *release_on_thread(void *arg)
{
    kind_here->release(arg);
    return NULL;
}

void waiting_outside(const struct waiting_kind *kinds, size_t len)
{
    struct waiting w;
    dure_scope scope;
    pthread_t thread;

    EACH(kinds, len)
    {
        if (!begin(kind, &w))
            continue;
        /* Without a scope, the plain call. */
        pthread_create(&thread, NULL, release_on_thread, &w);
        check_usable(kind, &w, true);
        pthread_join(thread, NULL);
        end(&w);
        if (!begin(kind, &w))
            continue;
        /* A deadline ends it; a cancelled scope refuses. */
        if (!(kind->flags & WAITING_NOT_FD)) {
            dure_scope_open_with(
                &scope, &(dure_scope_options){ .deadline = dure_after(5 * DURE_MILLISECOND) });
            CHECK_FAILS(kind->call(&w), ECANCELED);
            CHECK_FAILS(kind->call(&w), ECANCELED);
            CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
        }
        /* With a scope open it goes on as well. */
        dure_scope_open(&scope);
        pthread_create(&thread, NULL, release_on_thread, &w);
        check_usable(kind, &w, true);
        pthread_join(thread, NULL);
        CHECK_EQ(dure_scope_close(&scope), 0);
        end(&w);
    }
}

bool waiting_flags_are_known(void)
{
    char byte;

    preadv2(-1, &(struct iovec){ &byte, 1 }, 1, -1, RWF_HIPRI);
    if (errno == EBADF)
        return true;
    printf("# skipped: no preadv2 with flags here\n");
    return false;
}

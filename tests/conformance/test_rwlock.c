/* Read-write locks: between tasks of several loops and plain threads. */
#include "waiting.h"

#include <pthread.h>
#include <semaphore.h>

static dure_rwlock lock;

static void use(unsigned flags)
{
    CHECK_EQ(dure_rwlock_init(&lock, flags), 0);
}

/* --- the checks of all calls that wait; a thread has the lock --- */

static pthread_t holder;
static sem_t held, let_go;

static void *hold(void *arg)
{
    CHECK_EQ(arg ? dure_rwlock_wrlock(&lock) : dure_rwlock_rdlock(&lock), 0);
    sem_post(&held);
    while (sem_wait(&let_go) != 0)
        ;
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    return NULL;
}

static bool make_held(void *for_writing)
{
    use(0);
    sem_init(&held, 0, 0);
    sem_init(&let_go, 0, 0);
    CHECK_EQ(pthread_create(&holder, NULL, hold, for_writing), 0);
    while (sem_wait(&held) != 0)
        ;
    return true;
}

static bool make_written(struct waiting *w)
{
    return make_held(w);
}

static bool make_read(struct waiting *w)
{
    (void)w;
    return make_held(NULL);
}

static void release(struct waiting *w)
{
    (void)w;
    sem_post(&let_go);
    pthread_join(holder, NULL);
}

static int64_t unlock_after(int result)
{
    if (result == 0)
        CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    return result;
}

static int64_t rdlock(struct waiting *w)
{
    (void)w;
    return unlock_after(dure_rwlock_rdlock_cancelable(&lock));
}

static int64_t timedrdlock(struct waiting *w)
{
    (void)w;
    return unlock_after(dure_rwlock_timedrdlock(&lock, dure_after(DURE_MINUTE)));
}

static int64_t wrlock(struct waiting *w)
{
    (void)w;
    return unlock_after(dure_rwlock_wrlock_cancelable(&lock));
}

static int64_t timedwrlock(struct waiting *w)
{
    (void)w;
    return unlock_after(dure_rwlock_timedwrlock(&lock, dure_after(DURE_MINUTE)));
}

#define FLAGS (WAITING_OBJECT | WAITING_ALONE)

static const struct waiting_kind kinds[] = {
    { "rwlock_rdlock_cancelable", make_written, rdlock, release, 0, 0, FLAGS, NULL },
    { "rwlock_timedrdlock", make_written, timedrdlock, release, 0, 0, FLAGS, NULL },
    { "rwlock_wrlock_cancelable", make_written, wrlock, release, 0, 0, FLAGS, NULL },
    { "rwlock_wrlock_cancelable, read", make_read, wrlock, release, 0, 0, FLAGS, NULL },
    { "rwlock_timedwrlock", make_read, timedwrlock, release, 0, 0, FLAGS, NULL },
};

WAITING_TESTS

/* --- who excludes whom --- */

static atomic_uint readers;
static unsigned written[2];

static int lock_any(bool for_writing, unsigned *seed)
{
    dure_deadline soon = dure_after(rand_r(seed) % 30000);

    switch (rand_r(seed) % 4) {
    case 0:
        return for_writing ? dure_rwlock_trywrlock(&lock) : dure_rwlock_tryrdlock(&lock);
    case 1:
        return for_writing ? dure_rwlock_timedwrlock(&lock, soon)
                           : dure_rwlock_timedrdlock(&lock, soon);
    default:
        return for_writing ? dure_rwlock_wrlock(&lock) : dure_rwlock_rdlock(&lock);
    }
}

static void write_inside(unsigned *seed)
{
    CHECK_EQ(atomic_load(&readers), 0);
    written[0]++;
    if (rand_r(seed) % 8 == 0)
        dure_yield();
    written[1]++;
}

static void read_inside(unsigned *seed)
{
    atomic_fetch_add(&readers, 1);
    CHECK_EQ(written[0], written[1]);
    if (rand_r(seed) % 8 == 0)
        dure_yield();
    CHECK_EQ(written[0], written[1]);
    atomic_fetch_sub(&readers, 1);
}

/* Not atomic, what is written: whatever was not excluded shows in it, or under ThreadSanitizer. */
static int use_at_random(void *arg)
{
    unsigned seed = *(unsigned *)arg, i;

    for (i = 0; i < (UNDER_TSAN ? 300 : 3000); i++) {
        bool for_writing = rand_r(&seed) % 4 == 0;

        errno = 0;
        if (lock_any(for_writing, &seed) == 0) {
            if (for_writing)
                write_inside(&seed);
            else
                read_inside(&seed);
            CHECK_EQ(dure_rwlock_unlock(&lock), 0);
        } else {
            CHECK(errno == EBUSY || errno == ETIMEDOUT);
        }
        if (rand_r(&seed) % 4 == 0)
            dure_yield();
    }
    return 0;
}

static void *use_on_thread(void *arg)
{
    use_at_random(arg);
    return NULL;
}

TEST_WITH(readers_share_writers_exclude, .loops = 3)
{
    unsigned i, seeds[2] = { 70, 71 };
    pthread_t threads[2];
    dure_scope scope;

    use(0);
    written[0] = written[1] = 0;
    dure_scope_open(&scope);
    for (i = 0; i < 12; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP((int)i % 3) },
                                 use_at_random, &i, sizeof i),
                 0);
    for (i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_on_thread, &seeds[i]), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK(written[0] > 0);
    CHECK_EQ(dure_rwlock_trywrlock(&lock), 0); /* nobody has it or waits */
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
}

/* --- order --- */

static int64_t read_and_keep(void *arg)
{
    CHECK_EQ(dure_rwlock_rdlock(&lock), 0);
    atomic_fetch_add(&readers, 1);
    YIELD_UNTIL(atomic_load((atomic_bool *)arg));
    return dure_rwlock_unlock(&lock);
}

static int64_t write_once(void *arg)
{
    int result = dure_rwlock_wrlock_cancelable(&lock);

    atomic_store((atomic_bool *)arg, result == 0);
    return result == 0 ? dure_rwlock_unlock(&lock) : result;
}

/* Readers who wait go on together; not past the writer before them, nor it past them. */
TEST(first_come_first_served)
{
    atomic_bool leave = false, wrote = false;
    struct background first, second, writer, late;
    dure_scope scope;

    use(0);
    CHECK_EQ(dure_rwlock_wrlock(&lock), 0);
    dure_scope_open(&scope);
    background_start(&first, &scope, DURE_THIS_LOOP, read_and_keep, &leave);
    background_start(&second, &scope, DURE_LOOP(1), read_and_keep, &leave);
    background_start(&writer, &scope, DURE_THIS_LOOP, write_once, &wrote);
    background_start(&late, &scope, DURE_LOOP(1), read_and_keep, &leave);
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    YIELD_UNTIL(atomic_load(&readers) == 2);
    one_turn();
    CHECK_EQ(atomic_load(&readers), 2);
    CHECK_FAILS(dure_rwlock_tryrdlock(&lock), EBUSY); /* a writer waits */
    CHECK_FAILS(dure_rwlock_timedrdlock(&lock, dure_after(DURE_MILLISECOND)), ETIMEDOUT);
    CHECK(!atomic_load(&wrote));
    atomic_store(&leave, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(atomic_load(&wrote));
    CHECK_EQ(atomic_load(&readers), 3);
    atomic_store(&readers, 0);
}

/* A writer among readers that gives up is in nobody's way any more. */
static void give_up_between_readers(int place)
{
    atomic_bool leave = false, wrote = false;
    struct background writer, late;
    dure_scope scope, writing;

    use(0);
    CHECK_EQ(dure_rwlock_rdlock(&lock), 0);
    dure_scope_open(&scope);
    dure_scope_open(&writing);
    background_start(&writer, &writing, place, write_once, &wrote);
    background_start(&late, &scope, DURE_THIS_LOOP, read_and_keep, &leave);
    one_turn();
    CHECK_EQ(atomic_load(&readers), 0);
    dure_scope_cancel(&writing);
    CHECK_FAILS(dure_scope_close(&writing), ECANCELED);
    YIELD_UNTIL(atomic_load(&readers) == 1); /* while this one still reads */
    CHECK_EQ(dure_rwlock_tryrdlock(&lock), 0);
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    atomic_store(&leave, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    CHECK_EQ(writer.error, ECANCELED);
    atomic_store(&readers, 0);
}

TEST(a_canceled_writer_lets_readers_on)
{
    give_up_between_readers(DURE_THIS_LOOP);
    give_up_between_readers(DURE_LOOP(1));
}

static atomic_bool stop;

static int read_again_and_again(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        CHECK_EQ(dure_rwlock_rdlock(&lock), 0);
        dure_yield();
        CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    }
    return 0;
}

static int write_again_and_again(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        CHECK_EQ(dure_rwlock_wrlock(&lock), 0);
        dure_yield();
        CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    }
    return 0;
}

/* Among many of the other kind one of each kind has its turn. */
static void nobody_starves_among(dure_fn *others)
{
    dure_scope scope;
    int i;

    use(0);
    atomic_store(&stop, false);
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) }, others,
                                 NULL, 0),
                 0);
    for (i = 0; i < 50; i++) {
        CHECK_EQ(i % 2 ? dure_rwlock_wrlock(&lock) : dure_rwlock_rdlock(&lock), 0);
        CHECK_EQ(dure_rwlock_unlock(&lock), 0);
        dure_yield();
    }
    atomic_store(&stop, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(nobody_starves)
{
    nobody_starves_among(read_again_and_again);
    nobody_starves_among(write_again_and_again);
}

/* --- plain locks --- */

static int64_t lock_both(void *arg)
{
    (void)arg;
    CHECK_EQ(dure_rwlock_wrlock(&lock), 0);
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    CHECK_EQ(dure_rwlock_rdlock(&lock), 0);
    return dure_rwlock_unlock(&lock);
}

TEST(plain_locks_are_never_canceled)
{
    struct background b;
    dure_scope scope;

    use(0);
    CHECK_EQ(dure_rwlock_wrlock(&lock), 0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), lock_both, NULL);
    dure_scope_cancel(&scope);
    one_turn();
    CHECK(!atomic_load(&b.done));
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(b.result, 0);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(lock_both(NULL), 0); /* nor at entry */
    dure_scope_close(&scope);
}

static int not_mine(void *arg)
{
    (void)arg;
    CHECK_FAILS(dure_rwlock_unlock(&lock), EPERM);
    CHECK_FAILS(dure_rwlock_trywrlock(&lock), EBUSY);
    CHECK_FAILS(dure_rwlock_tryrdlock(&lock), EBUSY);
    return 0;
}

TEST(mistakes)
{
    dure_scope scope;

    CHECK_FAILS(dure_rwlock_init(&lock, 0x100u), EINVAL);
    use(0);
    CHECK_FAILS(dure_rwlock_unlock(&lock), EPERM);
    CHECK_EQ(dure_rwlock_wrlock(&lock), 0);
    CHECK_FAILS(dure_rwlock_wrlock(&lock), EDEADLK);
    CHECK_FAILS(dure_rwlock_rdlock(&lock), EDEADLK);
    CHECK_FAILS(dure_rwlock_trywrlock(&lock), EDEADLK);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, not_mine, NULL, 0), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
    CHECK_EQ(dure_rwlock_timedwrlock(&lock, dure_at(1)), 0); /* it is free: the time says nothing */
    CHECK_EQ(dure_rwlock_unlock(&lock), 0);
}

TEST(same_loop)
{
    dure_scope scope;
    unsigned i;

    use(DURE_SAME_LOOP);
    written[0] = written[1] = 0;
    dure_scope_open_with(&scope, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 8; i++)
        CHECK_EQ(dure_spawn(&scope, use_at_random, &i, sizeof i), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK(written[0] > 0);
}

static int lock_elsewhere(void *arg)
{
    (void)arg;
    return dure_rwlock_rdlock(&lock);
}

static int use_on_two_loops(void *arg)
{
    dure_spawn_options options = { .place = DURE_LOOP(1), .name = "stranger" };
    dure_scope scope;

    (void)arg;
    use(DURE_SAME_LOOP);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope, &options, lock_elsewhere, NULL, 0), 0);
    return dure_scope_close(&scope);
}

static void run_on_two_loops(void)
{
    dure_run_with(&(dure_run_options){ .loops = 2 }, use_on_two_loops, NULL);
}

TEST_OUTSIDE(same_loop_is_checked)
{
    struct child child;

    CHECK_FAILS(dure_rwlock_init(&lock, DURE_SAME_LOOP), EPERM);
    conformance_child(&child, run_on_two_loops);
    CHECK_CHILD_ABORTED(&child, "used elsewhere, by task \"stranger\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(readers_share_writers_exclude),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(a_canceled_writer_lets_readers_on),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test(plain_locks_are_never_canceled),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(same_loop),
        cmocka_unit_test(same_loop_is_checked),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}

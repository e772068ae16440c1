/* Channels: between tasks of several loops and plain threads. */
#include "waiting.h"

#include <pthread.h>

static dure_channel *channel;

static void use(size_t capacity)
{
    dure_channel_destroy(channel); /* the last check's */
    channel = dure_channel_create(sizeof(int), capacity);
    CHECK(channel != NULL);
}

static void done_with(void)
{
    dure_channel_destroy(channel);
    channel = NULL;
}

/* --- the checks of all calls that wait --- */

static bool make_empty(struct waiting *w)
{
    (void)w;
    use(4);
    return true;
}

static bool make_rendezvous(struct waiting *w)
{
    (void)w;
    use(0);
    return true;
}

static bool make_full(struct waiting *w)
{
    int i = 0;

    (void)w;
    use(1);
    CHECK_EQ(dure_channel_trysend(channel, &i), 0);
    return true;
}

static void send_one(struct waiting *w)
{
    int item = 7;

    (void)w;
    CHECK_EQ(dure_channel_trysend(channel, &item), 0);
}

static void receive_one(struct waiting *w)
{
    int item = -1;

    (void)w;
    CHECK_EQ(dure_channel_tryreceive(channel, &item), 1);
    CHECK(item == 0 || item == 7);
}

static void *send_later(void *arg)
{
    int item = 7;

    CHECK_EQ(dure_channel_send(arg, &item), 0);
    return NULL;
}

static void *receive_later(void *arg)
{
    int item = -1;

    CHECK_EQ(dure_channel_receive(arg, &item), 1);
    CHECK_EQ(item, 7);
    return NULL;
}

static void on_thread(void *(*fn)(void *))
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, fn, channel), 0);
    pthread_detach(thread);
}

/* The other side of a rendezvous may not be there yet: a thread waits for it. */
static void send_to_waiter(struct waiting *w)
{
    (void)w;
    on_thread(send_later);
}

static void receive_from_waiter(struct waiting *w)
{
    (void)w;
    on_thread(receive_later);
}

static int64_t check_item(int result, const int *item)
{
    if (result == 1)
        CHECK_EQ(*item, 7);
    else
        CHECK_EQ(*item, -1); /* untouched */
    return result;
}

static int64_t receive(struct waiting *w)
{
    int item = -1;

    (void)w;
    return check_item(dure_channel_receive(channel, &item), &item);
}

static int64_t timedreceive(struct waiting *w)
{
    int item = -1;

    (void)w;
    return check_item(dure_channel_timedreceive(channel, &item, dure_after(DURE_MINUTE)), &item);
}

static int64_t sends(struct waiting *w)
{
    int item = 7;

    (void)w;
    return dure_channel_send(channel, &item);
}

static int64_t timedsend(struct waiting *w)
{
    int item = 7;

    (void)w;
    return dure_channel_timedsend(channel, &item, dure_after(DURE_MINUTE));
}

static const struct waiting_kind kinds[] = {
    { "channel_receive", make_empty, receive, send_one, 1, 0, WAITING_OBJECT, NULL },
    { "channel_timedreceive", make_empty, timedreceive, send_one, 1, 0, WAITING_OBJECT, NULL },
    { "channel_send", make_full, sends, receive_one, 0, 0, WAITING_OBJECT, NULL },
    { "channel_timedsend", make_full, timedsend, receive_one, 0, 0, WAITING_OBJECT, NULL },
    { "channel_receive, rendezvous", make_rendezvous, receive, send_to_waiter, 1, 0, WAITING_OBJECT,
      NULL },
    { "channel_send, rendezvous", make_rendezvous, sends, receive_from_waiter, 0, 0, WAITING_OBJECT,
      NULL },
};

WAITING_TESTS

/* --- what is in it --- */

TEST(items_come_in_order_and_the_limit_holds)
{
    int i, item;

    use(3);
    CHECK_EQ(dure_channel_capacity(channel), 3);
    for (i = 0; i < 10; i++) { /* round the ring */
        item = i;
        CHECK_EQ(dure_channel_send(channel, &item), 0);
        CHECK_EQ(dure_channel_len(channel), i < 2 ? i + 1 : 3);
        if (i < 2)
            continue;
        CHECK_FAILS(dure_channel_trysend(channel, &item), EAGAIN);
        CHECK_EQ(dure_channel_receive(channel, &item), 1);
        CHECK_EQ(item, i - 2);
    }
    CHECK_EQ(dure_channel_tryreceive(channel, &item), 1);
    CHECK_EQ(dure_channel_tryreceive(channel, &item), 1);
    CHECK_EQ(item, 9);
    CHECK_FAILS(dure_channel_tryreceive(channel, &item), EAGAIN);
    CHECK_EQ(item, 9);
    done_with();
}

TEST(items_of_any_size)
{
    static const size_t sizes[] = { 0, 1, 7, 8, 9, 64, 5000 };
    char in[5000], out[5000];
    size_t i, n, k;

    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        channel = dure_channel_create(sizes[i], 3);
        for (n = 0; n < 5; n++) { /* from full to empty, around the ring */
            for (k = 0; k < 3; k++) {
                memset(in, (int)(3 * n + k + 1), sizeof in);
                CHECK_EQ(dure_channel_send(channel, sizes[i] ? in : NULL), 0);
            }
            CHECK_FAILS(dure_channel_trysend(channel, in), EAGAIN);
            for (k = 0; k < 3; k++) {
                memset(in, (int)(3 * n + k + 1), sizeof in);
                memset(out, 0, sizeof out);
                CHECK_EQ(dure_channel_receive(channel, sizes[i] ? out : NULL), 1);
                CHECK_EQ(memcmp(in, out, sizes[i]), 0);
                CHECK(sizes[i] == sizeof out || out[sizes[i]] == 0);
            }
            CHECK_FAILS(dure_channel_tryreceive(channel, out), EAGAIN);
            if (sizes[i]) /* so that the next round begins elsewhere in the ring */
                CHECK_EQ(dure_channel_send(channel, in) + dure_channel_receive(channel, out), 1);
        }
        done_with();
    }
}

static int dropped[8], dropped_len;

static void drop(void *item)
{
    dropped[dropped_len++] = *(int *)item;
}

TEST(what_is_left_is_dropped)
{
    int i, item;

    dropped_len = 0;
    channel = dure_channel_create_with(sizeof(int), 3, &(dure_channel_options){ .drop = drop });
    for (i = 0; i < 3; i++)
        CHECK_EQ(dure_channel_send(channel, &i), 0);
    CHECK_EQ(dure_channel_receive(channel, &item), 1);
    i = 5;
    CHECK_EQ(dure_channel_send(channel, &i), 0);
    CHECK_EQ(dure_channel_close(channel), 0);
    done_with();
    CHECK_EQ(dropped_len, 3);
    CHECK_EQ(dropped[0], 1);
    CHECK_EQ(dropped[1], 2);
    CHECK_EQ(dropped[2], 5);
    dure_channel_destroy(NULL);
}

TEST(mistakes)
{
    errno = 0;
    CHECK(!dure_channel_create_with(8, 1, &(dure_channel_options){ .flags = 0x100u }));
    CHECK_EQ(errno, EINVAL);
    errno = 0;
    CHECK(!dure_channel_create(SIZE_MAX / 2, 3));
    CHECK_EQ(errno, ENOMEM);
    errno = 0;
    CHECK(!dure_channel_create(1, SIZE_MAX));
    CHECK_EQ(errno, ENOMEM);
}

/* --- close --- */

static int64_t send_seven(void *arg)
{
    int item = 7;

    (void)arg;
    return dure_channel_send(channel, &item);
}

static int64_t receive_any(void *arg)
{
    int item = -1;

    (void)arg;
    return check_item(dure_channel_receive(channel, &item), &item);
}

static void close_wakes(size_t capacity, int place)
{
    struct background senders[2], receivers[2];
    dure_scope scope;
    int i, item = 3;

    dure_scope_open(&scope);
    use(capacity);
    for (i = 0; i < 2; i++)
        background_start(&receivers[i], &scope, place, receive_any, NULL);
    CHECK_EQ(dure_channel_close(channel), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++)
        CHECK_EQ(receivers[i].result, 0);
    done_with();

    dure_scope_open(&scope);
    use(capacity);
    while (dure_channel_trysend(channel, &item) == 0)
        ;
    for (i = 0; i < 2; i++)
        background_start(&senders[i], &scope, place, send_seven, NULL);
    CHECK_EQ(dure_channel_close(channel), 0);
    CHECK_EQ(dure_channel_close(channel), 0); /* a second time */
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < 2; i++) {
        CHECK_EQ(senders[i].result, -1);
        CHECK_EQ(senders[i].error, EPIPE);
    }
    CHECK_FAILS(dure_channel_send(channel, &item), EPIPE);
    CHECK_FAILS(dure_channel_trysend(channel, &item), EPIPE);
    for (i = 0; i < (int)capacity; i++) {
        item = -1;
        CHECK_EQ(dure_channel_receive(channel, &item), 1); /* what was sent is not lost */
        CHECK_EQ(item, 3);
    }
    CHECK_EQ(dure_channel_receive(channel, &item), 0);
    CHECK_EQ(dure_channel_tryreceive(channel, &item), 0);
    done_with();
}

TEST(close_wakes_all)
{
    close_wakes(0, DURE_THIS_LOOP);
    close_wakes(2, DURE_THIS_LOOP);
    close_wakes(0, DURE_LOOP(1));
    close_wakes(2, DURE_LOOP(1));
}

TEST(close_is_never_canceled)
{
    dure_scope scope;
    int item = 1;

    use(1);
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    CHECK_EQ(dure_channel_trysend(channel, &item), 0); /* nor what does not wait */
    CHECK_EQ(dure_channel_close(channel), 0);
    CHECK_FAILS(dure_channel_receive(channel, &item), ECANCELED);
    CHECK_FAILS(dure_channel_send(channel, &item), ECANCELED);
    CHECK_EQ(dure_channel_tryreceive(channel, &item), 1);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    done_with();
}

/* --- exactness and order --- */

/* Who was served is told so, though its scope ended before it ran. */
TEST(served_before_cancel_is_not_lost)
{
    struct background b;
    dure_scope scope;
    int item = 7;

    use(0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, receive_any, NULL);
    CHECK_EQ(dure_channel_send(channel, &item), 0);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(b.result, 1);
    done_with();
}

static int order[8], order_len;

static int64_t receive_in_order(void *arg)
{
    int item;

    CHECK_EQ(dure_channel_receive(channel, &item), 1);
    CHECK_EQ(item, *(int *)arg);
    order[order_len++] = item;
    return 0;
}

static int64_t send_in_order(void *arg)
{
    return dure_channel_send(channel, arg);
}

TEST(first_come_first_served)
{
    int numbers[6], i, item;
    struct background b[6];
    dure_scope scope;

    use(1);
    order_len = 0;
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++) {
        numbers[i] = i;
        background_start(&b[i], &scope, DURE_THIS_LOOP, receive_in_order, &numbers[i]);
    }
    for (i = 0; i < 6; i++)
        CHECK_EQ(dure_channel_send(channel, &i), 0);
    CHECK_EQ(dure_channel_len(channel), 0); /* each was handed to one who waited */
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(order_len, 6);

    dure_scope_open(&scope);
    for (i = 0; i < 6; i++)
        background_start(&b[i], &scope, DURE_THIS_LOOP, send_in_order, &numbers[i]);
    for (i = 0; i < 6; i++) {
        CHECK_EQ(dure_channel_receive(channel, &item), 1);
        CHECK_EQ(item, i);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
    done_with();
}

static atomic_bool stop;

static int send_forever(void *arg)
{
    int item = 0;

    (void)arg;
    while (!atomic_load(&stop)) {
        CHECK_EQ(dure_channel_send(channel, &item), 0);
        CHECK_EQ(dure_channel_receive(channel, &item), 1);
    }
    return 0;
}

/* A task whose calls are always answered at once lets others run, and timers fire. */
TEST_WITH(one_that_never_waits_hogs_nothing, .loops = 1)
{
    dure_scope scope;

    use(4);
    atomic_store(&stop, false);
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn(&scope, send_forever, NULL, 0), 0);
    CHECK_EQ(dure_sleep_for(DURE_MILLISECOND), 0);
    atomic_store(&stop, true);
    CHECK_EQ(dure_scope_close(&scope), 0);
    done_with();
}

/* --- time --- */

static void times_out(void)
{
    int64_t begun_ns = dure_now();
    int item = 1;

    CHECK_FAILS(dure_channel_timedreceive(channel, &item, dure_after(2 * DURE_MILLISECOND)),
                ETIMEDOUT);
    CHECK(dure_now() - begun_ns >= 2 * DURE_MILLISECOND);
    CHECK_FAILS(dure_channel_timedreceive(channel, &item, dure_at(1)), ETIMEDOUT);
    CHECK_EQ(dure_channel_timedsend(channel, &item, dure_at(1)), 0); /* there is room */
    CHECK_FAILS(dure_channel_timedsend(channel, &item, dure_after(2 * DURE_MILLISECOND)),
                ETIMEDOUT);
    CHECK_EQ(dure_channel_len(channel), 1);
    CHECK_EQ(dure_channel_timedreceive(channel, &item, dure_at(1)), 1);
}

TEST(timed_forms_time_out)
{
    use(1);
    times_out();
    done_with();
}

TEST_OUTSIDE(timed_forms_time_out_on_threads)
{
    dure_scope scope;

    use(1);
    times_out();
    CHECK_EQ(dure_scope_open(&scope), 0);
    times_out();
    CHECK_EQ(dure_scope_close(&scope), 0);
    done_with();
}

/* --- many --- */

#define PARTIES 6

static atomic_int received_sum, received_count;

static int send_many(void *arg)
{
    int i, rounds = *(int *)arg;

    for (i = 1; i <= rounds; i++)
        CHECK_EQ(dure_channel_send(channel, &i), 0);
    return 0;
}

static int receive_all(void *arg)
{
    int item;

    (void)arg;
    while (dure_channel_receive(channel, &item) == 1) {
        atomic_fetch_add(&received_sum, item);
        atomic_fetch_add(&received_count, 1);
    }
    return 0;
}

static void *send_many_on_thread(void *arg)
{
    send_many(arg);
    return NULL;
}

static void *receive_all_on_thread(void *arg)
{
    receive_all(arg);
    return NULL;
}

static void all_to_all(size_t capacity)
{
    int i, rounds = UNDER_TSAN ? 100 : 1000;
    pthread_t sender, receiver;
    dure_scope senders, receivers;

    use(capacity);
    atomic_store(&received_sum, 0);
    atomic_store(&received_count, 0);
    dure_scope_open(&receivers);
    dure_scope_open(&senders);
    CHECK_EQ(pthread_create(&receiver, NULL, receive_all_on_thread, NULL), 0);
    for (i = 0; i < PARTIES; i++) {
        dure_spawn_options options = { .place = DURE_LOOP(i % 3) };

        CHECK_EQ(dure_spawn_with(&receivers, &options, receive_all, NULL, 0), 0);
        CHECK_EQ(dure_spawn_with(&senders, &options, send_many, &rounds, sizeof rounds), 0);
    }
    CHECK_EQ(pthread_create(&sender, NULL, send_many_on_thread, &rounds), 0);
    CHECK_EQ(dure_scope_close(&senders), 0);
    pthread_join(sender, NULL); /* its receivers may be on this loop, but not all of them */
    CHECK_EQ(dure_channel_close(channel), 0);
    CHECK_EQ(dure_scope_close(&receivers), 0);
    pthread_join(receiver, NULL);
    CHECK_EQ(atomic_load(&received_count), (PARTIES + 1) * rounds);
    CHECK_EQ(atomic_load(&received_sum), (PARTIES + 1) * (rounds * (rounds + 1) / 2));
    done_with();
}

TEST_WITH(tasks_and_threads, .loops = 3)
{
    all_to_all(0);
    all_to_all(1);
    all_to_all(16);
}

/* --- one loop --- */

TEST(same_loop)
{
    int rounds = 300, i;
    dure_scope senders, receivers;

    channel = dure_channel_create_with(sizeof(int), 2,
                                       &(dure_channel_options){ .flags = DURE_SAME_LOOP });
    atomic_store(&received_count, 0);
    dure_scope_open_with(&receivers, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    dure_scope_open_with(&senders, &(dure_scope_options){ .flags = DURE_SAME_LOOP });
    for (i = 0; i < 5; i++) {
        CHECK_EQ(dure_spawn(&receivers, receive_all, NULL, 0), 0);
        CHECK_EQ(dure_spawn(&senders, send_many, &rounds, sizeof rounds), 0);
    }
    CHECK_EQ(dure_scope_close(&senders), 0);
    CHECK_EQ(dure_channel_close(channel), 0);
    CHECK_EQ(dure_scope_close(&receivers), 0);
    CHECK_EQ(atomic_load(&received_count), 5 * rounds);
    done_with();
}

static int send_elsewhere(void *arg)
{
    int item = 1;

    (void)arg;
    return dure_channel_send(channel, &item);
}

static int use_on_two_loops(void *arg)
{
    dure_scope scope;

    (void)arg;
    channel = dure_channel_create_with(sizeof(int), 2,
                                       &(dure_channel_options){ .flags = DURE_SAME_LOOP });
    dure_scope_open(&scope);
    CHECK_EQ(dure_spawn_with(&scope,
                             &(dure_spawn_options){ .place = DURE_LOOP(1), .name = "stranger" },
                             send_elsewhere, NULL, 0),
             0);
    return dure_scope_close(&scope);
}

static void run_on_two_loops(void)
{
    dure_run_with(&(dure_run_options){ .loops = 2 }, use_on_two_loops, NULL);
}

static int destroy_too_early(void *arg)
{
    struct background b;
    dure_scope scope;

    (void)arg;
    use(0);
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_THIS_LOOP, receive_any, NULL);
    done_with();
    return dure_scope_close(&scope);
}

static void run_destroy(void)
{
    dure_run_with(&(dure_run_options){ .loops = 1 }, destroy_too_early, NULL);
}

TEST_OUTSIDE(misuse_is_stopped)
{
    struct child child;

    errno = 0;
    CHECK(!dure_channel_create_with(1, 1, &(dure_channel_options){ .flags = DURE_SAME_LOOP }));
    CHECK_EQ(errno, EPERM);
    conformance_child(&child, run_on_two_loops);
    CHECK_CHILD_ABORTED(&child, "used elsewhere, by task \"stranger\"");
    conformance_child(&child, run_destroy);
    CHECK_CHILD_ABORTED(&child, "a channel is destroyed while somebody waits for it");
}

/* --- the thread of an embedded loop, between its turns --- */

static int answer_once(void *arg)
{
    int item;

    (void)arg;
    CHECK_EQ(dure_channel_receive(channel, &item), 1);
    item++;
    CHECK_EQ(dure_channel_send(channel, &item), 0);
    return 0;
}

TEST_OUTSIDE(between_the_turns_of_a_loop)
{
    int item = 41;

    use(0);
    if (dure_loop_open(NULL, answer_once, NULL) < 0) {
        CHECK_EQ(errno, ENOTSUP); /* the backend's say */
        done_with();
        return;
    }
    CHECK_EQ(dure_channel_send(channel, &item), 0);
    CHECK_EQ(dure_channel_receive(channel, &item), 1);
    CHECK_EQ(item, 42);
    CHECK_EQ(dure_loop_close(), 0);
    done_with();
}

static int receive_once(void *arg)
{
    int item;

    (void)arg;
    CHECK_EQ(dure_channel_receive(channel, &item), 1);
    return 0;
}

/* Whoever owns the thread learns that there is something to do for the loop. */
TEST_OUTSIDE(a_send_between_the_turns_of_a_loop_is_told)
{
    struct pollfd fd = { .events = POLLIN };
    int item = 1;

    use(1);
    if (dure_loop_open(NULL, receive_once, NULL) < 0) {
        CHECK_EQ(errno, ENOTSUP);
        done_with();
        return;
    }
    fd.fd = dure_loop_fd();
    while (poll(&fd, 1, 0) > 0 || dure_loop_wait_ns() == 0)
        CHECK_EQ(dure_loop_turn(), 1); /* until it waits */
    CHECK_EQ(dure_channel_trysend(channel, &item), 0);
    CHECK_EQ(poll(&fd, 1, 5000), 1);
    CHECK_EQ(dure_loop_close(), 0);
    done_with();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(items_come_in_order_and_the_limit_holds),
        cmocka_unit_test(items_of_any_size),
        cmocka_unit_test(what_is_left_is_dropped),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(close_wakes_all),
        cmocka_unit_test(close_is_never_canceled),
        cmocka_unit_test(served_before_cancel_is_not_lost),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(one_that_never_waits_hogs_nothing),
        cmocka_unit_test(timed_forms_time_out),
        cmocka_unit_test(timed_forms_time_out_on_threads),
        cmocka_unit_test(tasks_and_threads),
        cmocka_unit_test(same_loop),
        cmocka_unit_test(misuse_is_stopped),
        cmocka_unit_test(between_the_turns_of_a_loop),
        cmocka_unit_test(a_send_between_the_turns_of_a_loop_is_told),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}

/* Choices: the first of several things. */
#include "waiting.h"

#include <pthread.h>

static dure_channel *a, *b;

static void done_with(void)
{
    dure_channel_destroy(a);
    dure_channel_destroy(b);
    a = b = NULL;
}

static void use(size_t capacity)
{
    done_with(); /* with the last check's */
    a = dure_channel_create(sizeof(int), capacity);
    b = dure_channel_create(sizeof(int), capacity);
    CHECK(a && b);
}

/* --- the checks of all calls that wait --- */

static bool make_two(struct waiting *w)
{
    (void)w;
    use(2);
    return true;
}

static void send_to_b(struct waiting *w)
{
    int item = 7;

    (void)w;
    CHECK_EQ(dure_channel_trysend(b, &item), 0);
}

static int64_t receive_from_either(struct waiting *w)
{
    int from_a = -1, from_b = -1;
    dure_case cases[] = { dure_case_receive(a, &from_a), dure_case_receive(b, &from_b) };
    int won = dure_choose(cases, 2);

    (void)w;
    CHECK_EQ(from_a, -1);
    CHECK_EQ(from_b, won == 1 ? 7 : -1); /* untouched otherwise */
    return won;
}

static bool make_full(struct waiting *w)
{
    int item = 7;

    make_two(w);
    while (dure_channel_trysend(a, &item) == 0)
        ;
    while (dure_channel_trysend(b, &item) == 0)
        ;
    return true;
}

static void receive_from_a(struct waiting *w)
{
    int item;

    (void)w;
    CHECK_EQ(dure_channel_tryreceive(a, &item), 1);
}

static int64_t send_to_either(struct waiting *w)
{
    int item = 7;
    dure_case cases[] = { dure_case_at(dure_after(DURE_MINUTE)), dure_case_send(b, &item),
                          dure_case_send(a, &item) };

    (void)w;
    return dure_choose(cases, 3);
}

static bool make_descriptor(struct waiting *w)
{
    int fds[2];

    make_two(w);
    if (!CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0))
        return false;
    w->fd = fds[0];
    w->other = fds[1];
    return true;
}

static int64_t receive_or_ready(struct waiting *w)
{
    int item = -1, won;
    dure_case cases[] = { dure_case_receive(a, &item), dure_case_ready(w->fd, POLLIN),
                          dure_case_ready(-1, POLLIN), dure_case_receive(NULL, NULL) };

    won = dure_choose(cases, 4);
    if (won == 1 && !(cases[1].result & POLLIN)) {
        CHECK_EQ(cases[1].result, POLLNVAL);
        errno = EBADF;
        return -1;
    }
    return won;
}

static void write_byte(struct waiting *w)
{
    CHECK_EQ(plain_write(w->other, "x", 1), 1); /* also when the caller is cancelled */
}

static void read_byte(struct waiting *w)
{
    char byte;

    CHECK_EQ(plain_read(w->fd, &byte, 1), 1);
}

static dure_future promise;

static bool make_promise(struct waiting *w)
{
    make_two(w);
    dure_future_init(&promise);
    return true;
}

static int64_t receive_or_future(struct waiting *w)
{
    int item = -1;
    dure_case cases[] = { dure_case_receive(a, &item), dure_case_future(NULL),
                          dure_case_future(&promise) };

    (void)w;
    return dure_choose(cases, 3);
}

static void keep_promise(struct waiting *w)
{
    (void)w;
    CHECK_EQ(dure_future_set(&promise, 7), 0);
}

static void promise_again(struct waiting *w)
{
    (void)w;
    dure_future_init(&promise);
}

/* The descriptor stays ready, and the future done, for whoever else looks. */
static const struct waiting_kind kinds[] = {
    { "choose, receive", make_two, receive_from_either, send_to_b, 1, 0, WAITING_OBJECT, NULL },
    { "choose, send", make_full, send_to_either, receive_from_a, 2, 0, WAITING_OBJECT, NULL },
    { "choose, descriptor", make_descriptor, receive_or_ready, write_byte, 1, 0, WAITING_ALONE,
      read_byte },
    { "choose, future", make_promise, receive_or_future, keep_promise, 2, 0,
      WAITING_OBJECT | WAITING_ALONE, promise_again },
};

WAITING_TESTS

/* --- one case at a time --- */

TEST(results_are_those_of_the_calls)
{
    int item = 5;
    dure_case send[] = { dure_case_send(a, &item) };
    dure_case receive[] = { dure_case_receive(a, &item) };

    use(1);
    send[0] = dure_case_send(a, &item);
    receive[0] = dure_case_receive(a, &item);
    CHECK_EQ(dure_choose(send, 1), 0);
    CHECK_EQ(send[0].result, 0);
    item = -1;
    CHECK_EQ(dure_choose(receive, 1), 0);
    CHECK_EQ(receive[0].result, 1);
    CHECK_EQ(item, 5);
    CHECK_EQ(dure_channel_close(a), 0);
    CHECK_EQ(dure_choose(send, 1), 0);
    CHECK_EQ(send[0].result, -1);
    CHECK_EQ(send[0].error, EPIPE);
    CHECK_EQ(dure_choose(receive, 1), 0);
    CHECK_EQ(receive[0].result, 0);
    CHECK_EQ(receive[0].error, 0);
    done_with();
}

TEST(default_does_not_wait)
{
    int item = -1, fds[2];
    dure_case cases[4];

    use(1);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    cases[0] = dure_case_receive(a, &item);
    cases[1] = dure_case_default();
    cases[2] = dure_case_ready(fds[0], POLLIN);
    cases[3] = dure_case_at((dure_deadline){ 0 });
    CHECK_EQ(dure_choose(cases, 4), 1);
    CHECK_EQ(dure_choose(cases + 1, 1), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_choose(cases, 4), 2);
    CHECK_EQ(cases[2].result, POLLIN);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_choose(cases, 4), 2);
    CHECK_EQ(cases[2].result, POLLNVAL);
    CHECK_EQ(dure_close(fds[1]), 0);
    done_with();
}

static void a_time_comes(void)
{
    int64_t begun_ns = dure_now();
    int item = -1, fds[2];
    dure_case cases[5];

    use(0);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    cases[0] = dure_case_receive(a, &item);
    cases[1] = dure_case_at(dure_after(DURE_MINUTE));
    cases[2] = dure_case_at(dure_after(2 * DURE_MILLISECOND));
    cases[3] = dure_case_send(b, &item);
    cases[4] = dure_case_ready(fds[0], POLLIN);
    CHECK_EQ(dure_choose(cases, 5), 2);
    CHECK(dure_now() - begun_ns >= 2 * DURE_MILLISECOND);
    CHECK_EQ(dure_choose(cases, 5), 2); /* it has passed */
    CHECK_EQ(dure_choose(cases, 4), 2);
    CHECK_FAILS(dure_channel_trysend(a, &item), EAGAIN); /* nobody waits there any more */
    CHECK_FAILS(dure_channel_tryreceive(b, &item), EAGAIN);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    done_with();
}

TEST(a_time_ends_it)
{
    a_time_comes();
}

TEST_OUTSIDE(a_time_ends_it_on_threads)
{
    dure_scope scope;

    a_time_comes();
    CHECK_EQ(dure_scope_open(&scope), 0);
    a_time_comes();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(limits)
{
    static dure_case cases[DURE_CASES_MAX + 1];
    int i, item = -1;
    dure_scope scope;

    use(1);
    for (i = 0; i <= DURE_CASES_MAX; i++)
        cases[i] = dure_case_receive(i % 2 ? a : b, &item);
    cases[DURE_CASES_MAX - 1] = dure_case_default();
    CHECK_EQ(dure_choose(cases, DURE_CASES_MAX), DURE_CASES_MAX - 1);
    CHECK_FAILS(dure_choose(cases, DURE_CASES_MAX + 1), EINVAL);
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_MILLISECOND) });
    CHECK_FAILS(dure_choose(NULL, 0), ECANCELED);
    CHECK_FAILS(dure_choose(cases, 1), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    done_with();
}

/* --- chance --- */

TEST(whatever_is_ready_gets_its_turn)
{
    int i, item = 1, won, counts[4] = { 0 }, fds[2];
    dure_case cases[4];

    use(1);
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_write(fds[1], "x", 1), 1);
    CHECK_EQ(dure_channel_close(a), 0);
    cases[0] = dure_case_receive(a, &item);
    cases[1] = dure_case_send(a, &item);
    cases[2] = dure_case_ready(fds[0], POLLIN);
    cases[3] = dure_case_at(dure_at(1));
    for (i = 0; i < 4000; i++) {
        won = dure_choose(cases, 4);
        if (CHECK(won >= 0 && won < 4))
            counts[won]++;
    }
    for (i = 0; i < 4; i++)
        CHECK(counts[i] > 250);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
    done_with();
}

/* --- futures --- */

static int64_t choose_promise(void *arg)
{
    dure_case cases[] = { dure_case_future(&promise), dure_case_default() };

    return dure_choose(cases, *(size_t *)arg);
}

static void a_future_is_done(void)
{
    size_t one = 1, two = 2;
    dure_case cases[] = { dure_case_future(&promise) };

    dure_future_init(&promise);
    CHECK_EQ(choose_promise(&two), 1);
    CHECK_EQ(dure_future_fail(&promise, EPROTO, "no"), 0);
    CHECK_EQ(choose_promise(&two), 0);
    CHECK_EQ(choose_promise(&one), 0);
    CHECK_EQ(dure_choose(cases, 1), 0);
    CHECK_EQ(cases[0].result, 1);
    CHECK_EQ(cases[0].error, 0);
    CHECK_FAILS(dure_await(&promise), EPROTO);
}

TEST(a_future_only_tells)
{
    a_future_is_done();
}

TEST_OUTSIDE(a_future_only_tells_threads)
{
    a_future_is_done();
}

/* All of them are told, wherever they are. */
TEST(a_future_tells_all_choices)
{
    struct background here, there;
    dure_scope scope;
    size_t one = 1;

    dure_future_init(&promise);
    dure_scope_open(&scope);
    background_start(&here, &scope, DURE_THIS_LOOP, choose_promise, &one);
    background_start(&there, &scope, DURE_LOOP(1), choose_promise, &one);
    CHECK_EQ(dure_future_set(&promise, 3), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(here.result, 0);
    CHECK_EQ(there.result, 0);
}

/* --- two choices meet --- */

static int64_t choose_to_send(void *arg)
{
    int one = 1, two = 2;
    dure_case cases[] = { dure_case_send(a, &one), dure_case_send(b, &two) };

    (void)arg;
    return dure_choose(cases, 2);
}

static int64_t choose_to_receive(void *arg)
{
    int one = 0, two = 0, won;
    dure_case cases[] = { dure_case_receive(b, &two), dure_case_receive(a, &one) };

    (void)arg;
    won = dure_choose(cases, 2);
    CHECK_EQ(one, won == 1 ? 1 : 0);
    CHECK_EQ(two, won == 0 ? 2 : 0);
    return won;
}

TEST(two_choices_meet)
{
    static const int places[] = { DURE_THIS_LOOP, DURE_LOOP(1) };
    struct background sender, receiver;
    dure_scope scope;
    int i;

    for (i = 0; i < 2; i++) {
        use(0);
        dure_scope_open(&scope);
        background_start(&sender, &scope, places[i], choose_to_send, NULL);
        background_start(&receiver, &scope, DURE_THIS_LOOP, choose_to_receive, NULL);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(sender.result, 1 - receiver.result);
        done_with();
    }
}

/* Sends and receives on one channel: it does not meet itself. */
static int64_t both_ways(void *arg)
{
    int in = 0, out = 3;
    dure_case cases[] = { dure_case_send(a, &out), dure_case_receive(a, &in) };
    int won = dure_choose(cases, 2);

    (void)arg;
    CHECK_EQ(in, won == 1 ? 4 : 0);
    return won;
}

TEST(a_choice_does_not_meet_itself)
{
    struct background one, other;
    dure_scope scope;
    int item = 4;

    use(0);
    dure_scope_open(&scope);
    background_start(&one, &scope, DURE_THIS_LOOP, both_ways, NULL);
    CHECK(!atomic_load(&one.done));
    CHECK_EQ(dure_channel_send(a, &item), 0);
    background_start(&other, &scope, DURE_LOOP(1), both_ways, NULL);
    CHECK_EQ(dure_channel_receive(a, &item), 1);
    CHECK_EQ(item, 3);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(one.result, 1);
    CHECK_EQ(other.result, 0);
    done_with();
}

static int64_t choose_closed(void *arg)
{
    int item = -1;
    dure_case cases[] = { dure_case_receive(a, &item), dure_case_receive(b, &item) };
    int won = dure_choose(cases, 2);

    (void)arg;
    CHECK_EQ(cases[1].result, 0);
    CHECK_EQ(item, -1);
    return won;
}

static int64_t choose_broken(void *arg)
{
    int item = -1;
    dure_case cases[] = { dure_case_send(a, &item), dure_case_send(b, &item) };
    int won = dure_choose(cases, 2);

    (void)arg;
    CHECK_EQ(cases[1].result, -1);
    CHECK_EQ(cases[1].error, EPIPE);
    return won;
}

TEST(close_ends_a_choice)
{
    struct background waiter;
    dure_scope scope;
    int i;

    for (i = 0; i < 2; i++) {
        use(0);
        dure_scope_open(&scope);
        background_start(&waiter, &scope, DURE_LOOP(1), i ? choose_broken : choose_closed, NULL);
        CHECK_EQ(dure_channel_close(b), 0);
        CHECK_EQ(dure_scope_close(&scope), 0);
        CHECK_EQ(waiter.result, 1);
        done_with();
    }
}

/* --- everything at random: each item that was sent arrives exactly once --- */

#define CHANNELS 5
#define TASKS 12
#define THREADS 2
#define PARTIES (TASKS + THREADS)

static dure_channel *channels[CHANNELS];
static int idle_fds[2];
static int rounds;
static atomic_uchar *sent, *arrived; /* by the item's number */
static atomic_int failures[4];       /* time-outs, cancels, EAGAIN, readiness */

static void note_arrival(int item)
{
    CHECK_EQ(atomic_fetch_add(&arrived[item], 1), 0);
}

/* result: what a receive returned. */
static void note_receive(int result, int error, int item)
{
    if (result == 1)
        note_arrival(item);
    else
        CHECK(result < 0 && (error == EAGAIN || error == ETIMEDOUT || error == ECANCELED));
}

static void note_send(int result, int error, int item)
{
    if (result == 0)
        atomic_store(&sent[item], 1);
    else
        CHECK(error == EAGAIN || error == ETIMEDOUT || error == ECANCELED);
}

/* A call on one channel. */
static void one_call(unsigned *seed, int own)
{
    dure_channel *channel = channels[rand_r(seed) % CHANNELS];
    dure_deadline soon = dure_after(rand_r(seed) % 50000);
    int item = -1, result;

    switch (rand_r(seed) % 4) {
    case 0:
        result = dure_channel_timedsend(channel, &own, soon);
        note_send(result, errno, own);
        break;
    case 1:
        result = dure_channel_trysend(channel, &own);
        note_send(result, errno, own);
        break;
    case 2:
        result = dure_channel_timedreceive(channel, &item, soon);
        note_receive(result, errno, item);
        break;
    default:
        result = dure_channel_tryreceive(channel, &item);
        note_receive(result, errno, item);
    }
}

/* A choice between up to six cases, some on the same channel. */
static void one_choice(unsigned *seed, int own)
{
    int items[6], i, won, len = 1 + rand_r(seed) % 6;
    dure_case cases[8];
    bool sends[6];

    for (i = 0; i < len; i++) {
        dure_channel *channel = channels[rand_r(seed) % CHANNELS];

        items[i] = -1;
        sends[i] = rand_r(seed) % 2;
        cases[i] = sends[i] ? dure_case_send(channel, &own) : dure_case_receive(channel, &items[i]);
    }
    switch (rand_r(seed) % 4) {
    case 0:
        cases[i++] = dure_case_default();
        break;
    case 1:
        cases[i++] = dure_case_ready(idle_fds[0], POLLIN);
        /* fall through */
    default:
        cases[i++] = dure_case_at(dure_after(rand_r(seed) % 50000));
    }
    won = dure_choose(cases, (size_t)i);
    if (won < 0) {
        CHECK_EQ(errno, ECANCELED);
        atomic_fetch_add(&failures[1], 1);
    }
    for (i = 0; i < len; i++) {
        if (sends[i] && i == won)
            note_send((int)cases[i].result, cases[i].error, own);
        else if (!sends[i] && i == won)
            note_receive((int)cases[i].result, cases[i].error, items[i]);
        else
            CHECK(sends[i] || items[i] == -1);
    }
}

static void at_random(int party)
{
    unsigned seed = (unsigned)party + 1;
    int i;

    for (i = 0; i < rounds; i++) {
        int own = party * rounds + i;

        if (rand_r(&seed) % 3 == 0) {
            one_call(&seed, own);
        } else if (rand_r(&seed) % 4 == 0) {
            DURE_WITHIN(dure_after(rand_r(&seed) % 30000))
            one_choice(&seed, own);
        } else {
            one_choice(&seed, own);
        }
        if (rand_r(&seed) % 8 == 0)
            dure_yield();
    }
}

static int task_at_random(void *arg)
{
    at_random(*(int *)arg);
    return 0;
}

static atomic_int threads_done;

static void *thread_at_random(void *arg)
{
    at_random(*(int *)arg);
    atomic_fetch_add(&threads_done, 1);
    return NULL;
}

static void start_all(dure_scope *scope, pthread_t *threads, int *numbers)
{
    int i;

    for (i = 0; i < PARTIES; i++) {
        numbers[i] = i;
        if (i < TASKS)
            CHECK_EQ(dure_spawn_with(scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 3) },
                                     task_at_random, &i, sizeof i),
                     0);
        else
            CHECK_EQ(pthread_create(&threads[i - TASKS], NULL, thread_at_random, &numbers[i]), 0);
    }
}

static void check_all(void)
{
    int i, item, lost = 0, arrivals = 0;

    for (i = 0; i < CHANNELS; i++)
        while (dure_channel_tryreceive(channels[i], &item) == 1)
            note_arrival(item);
    for (i = 0; i < PARTIES * rounds; i++) {
        lost += atomic_load(&sent[i]) != atomic_load(&arrived[i]);
        arrivals += atomic_load(&arrived[i]);
    }
    CHECK_EQ(lost, 0);
    CHECK(arrivals > rounds); /* something went on */
}

TEST_WITH(at_random_every_item_arrives_once, .loops = 3)
{
    int i, numbers[PARTIES];
    pthread_t threads[THREADS];
    dure_scope scope;

    rounds = UNDER_TSAN ? 300 : 2000;
    sent = calloc((size_t)(PARTIES * rounds), sizeof *sent);
    arrived = calloc((size_t)(PARTIES * rounds), sizeof *arrived);
    atomic_store(&threads_done, 0);
    for (i = 0; i < CHANNELS; i++)
        channels[i] = dure_channel_create(sizeof(int), (size_t)(i < 2 ? 0 : i));
    CHECK_EQ(dure_pipe2(idle_fds, O_CLOEXEC), 0);
    dure_scope_open(&scope);
    start_all(&scope, threads, numbers);
    CHECK_EQ(dure_scope_close(&scope), 0);              /* a lost wake would never let it return */
    YIELD_UNTIL(atomic_load(&threads_done) == THREADS); /* their scopes need this loop */
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    check_all();
    for (i = 0; i < CHANNELS; i++)
        dure_channel_destroy(channels[i]);
    CHECK_EQ(dure_close(idle_fds[0]), 0);
    CHECK_EQ(dure_close(idle_fds[1]), 0);
    free(sent);
    free(arrived);
}

/* --- plain threads with descriptors --- */

static void *write_later(void *arg)
{
    CHECK_EQ(plain_write(*(int *)arg, "x", 1), 1);
    return NULL;
}

static void *send_later(void *arg)
{
    int item = 7;

    CHECK_EQ(dure_channel_send(arg, &item), 0);
    return NULL;
}

/* Threads that wait for a channel and a descriptor: each can end it. */
static void channel_or_descriptor(void)
{
    int item, fds[2], i;
    dure_case cases[2];
    pthread_t thread;
    char byte;

    use(0);
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (i = 0; i < 50; i++) {
        item = -1;
        cases[0] = dure_case_receive(a, &item);
        cases[1] = dure_case_ready(fds[0], POLLIN);
        CHECK_EQ(pthread_create(&thread, NULL, i % 2 ? write_later : send_later,
                                i % 2 ? (void *)&fds[1] : (void *)a),
                 0);
        CHECK_EQ(dure_choose(cases, 2), i % 2);
        CHECK_EQ(item, i % 2 ? -1 : 7);
        if (i % 2)
            CHECK_EQ(plain_read(fds[0], &byte, 1), 1);
        pthread_join(thread, NULL);
    }
    plain_close(fds[0]);
    plain_close(fds[1]);
    done_with();
}

TEST_OUTSIDE(threads_wait_for_channels_and_descriptors)
{
    dure_scope scope;

    channel_or_descriptor();
    CHECK_EQ(dure_scope_open(&scope), 0);
    channel_or_descriptor();
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- the thread of an embedded loop, between its turns --- */

static int send_and_write(void *arg)
{
    int item = 3, fd = *(int *)arg;

    CHECK_EQ(dure_channel_send(a, &item), 0);
    CHECK_EQ(dure_write(fd, "x", 1), 1);
    return 0;
}

TEST_OUTSIDE(between_the_turns_of_a_loop)
{
    int item = -1, fds[2];
    dure_case cases[2];

    use(0);
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    if (dure_loop_open(NULL, send_and_write, &fds[1]) < 0) {
        CHECK_EQ(errno, ENOTSUP); /* the backend's say */
    } else {
        cases[0] = dure_case_receive(a, &item);
        cases[1] = dure_case_ready(fds[0], POLLIN);
        CHECK_EQ(dure_choose(cases, 2), 0);
        CHECK_EQ(dure_choose(cases, 2), 1);
        CHECK_EQ(item, 3);
        CHECK_EQ(dure_loop_close(), 0);
    }
    plain_close(fds[0]);
    plain_close(fds[1]);
    done_with();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING_UNITS,
        cmocka_unit_test(results_are_those_of_the_calls),
        cmocka_unit_test(default_does_not_wait),
        cmocka_unit_test(a_time_ends_it),
        cmocka_unit_test(a_time_ends_it_on_threads),
        cmocka_unit_test(limits),
        cmocka_unit_test(whatever_is_ready_gets_its_turn),
        cmocka_unit_test(a_future_only_tells),
        cmocka_unit_test(a_future_only_tells_threads),
        cmocka_unit_test(a_future_tells_all_choices),
        cmocka_unit_test(two_choices_meet),
        cmocka_unit_test(a_choice_does_not_meet_itself),
        cmocka_unit_test(close_ends_a_choice),
        cmocka_unit_test(at_random_every_item_arrives_once),
        cmocka_unit_test(threads_wait_for_channels_and_descriptors),
        cmocka_unit_test(between_the_turns_of_a_loop),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}

/* Names of hosts and services, each twin beside the plain call; a resolver that takes its time. */
#include "waiting.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>

/* --- the C library's functions, of which hosts named slow-... wait for the gate --- */

static sem_t gate;
static atomic_int begun, answered, freed, on_a_loop, seen_last;

static bool is_slow(const char *host)
{
    return host && strncmp(host, "slow-", 5) == 0;
}

static void pass_gate(int number)
{
    atomic_store(&seen_last, number);
    atomic_fetch_add(&begun, 1);
    while (sem_wait(&gate) != 0)
        ;
}

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict results)
{
    int (*plain)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    int result;

    *(void **)&plain = dlsym(RTLD_NEXT, "getaddrinfo");
    atomic_store(&on_a_loop, dure_loop_number() >= 0);
    if (!is_slow(host))
        return plain(host, service, hints, results);
    pass_gate(atoi(host + 5));
    if (strcmp(host, "slow-77") != 0 && strcmp(host, "slow-1") != 0)
        return EAI_AGAIN;
    result = plain("127.0.0.1", service, hints, results);
    atomic_fetch_add(&answered, 1);
    return result;
}

void freeaddrinfo(struct addrinfo *list)
{
    void (*plain)(struct addrinfo *);

    *(void **)&plain = dlsym(RTLD_NEXT, "freeaddrinfo");
    plain(list);
    atomic_fetch_add(&freed, 1);
}

int getnameinfo(const struct sockaddr *restrict addr, socklen_t addr_len, char *restrict host,
                socklen_t host_len, char *restrict service, socklen_t service_len, int flags)
{
    int (*plain)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;

    *(void **)&plain = dlsym(RTLD_NEXT, "getnameinfo");
    atomic_store(&on_a_loop, dure_loop_number() >= 0);
    if (addr && addr->sa_family == AF_INET && ntohs(in->sin_port) == 7777)
        pass_gate(7777);
    return plain(addr, addr_len, host, host_len, service, service_len, flags);
}

static void reset(void)
{
    sem_init(&gate, 0, 0);
    atomic_store(&begun, 0);
    atomic_store(&answered, 0);
    atomic_store(&freed, 0);
    atomic_store(&seen_last, 0);
}

static void open_gate(int count)
{
    while (count-- > 0)
        sem_post(&gate);
}

/* --- the same as the plain call --- */

struct question {
    const char *host, *service;
    struct addrinfo hints;
    bool no_hints;
};

static const struct question questions[] = {
    { "127.0.0.1", "80", { .ai_socktype = SOCK_STREAM }, false },
    { "127.0.0.1", NULL, { .ai_flags = AI_CANONNAME }, false },
    { "127.0.0.1", "80", { 0 }, true },
    { "127.1", "80", { 0 }, false },
    { "::1", "65535", { .ai_family = AF_INET6 }, false },
    { "::1", "80", { .ai_family = AF_INET }, false },
    { "1.2.3.4", "80", { .ai_family = AF_INET6 }, false },
    { "1.2.3.4", "80", { .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED }, false },
    { "1.2.3.4", "80", { .ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_DGRAM }, false },
    { "fe80::1%lo", "1", { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, false },
    { "localhost", "http", { .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME }, false },
    { "localhost", NULL, { .ai_socktype = SOCK_STREAM }, false },
    { "127.0.0.1", "http", { .ai_protocol = IPPROTO_TCP }, false },
    { NULL, "80", { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, false },
    { NULL, "80", { .ai_family = AF_INET }, false },
    { NULL, "80", { 0 }, true },
    /* errors */
    { NULL, NULL, { 0 }, false },
    { "no.such.host.invalid", "80", { .ai_flags = AI_NUMERICHOST }, false },
    { "127.0.0.1", "no-such-service", { .ai_socktype = SOCK_STREAM }, false },
    { "127.0.0.1", "no-such-service", { .ai_flags = AI_NUMERICSERV }, false },
    { "127.0.0.1", "80", { .ai_family = 12345 }, false },
    { "localhost", "80", { .ai_family = 12345 }, false },
    { "127.0.0.1", "80", { .ai_flags = 0x40000000 }, false },
    { "localhost", "80", { .ai_flags = 0x40000000 }, false },
    { NULL, "80", { .ai_flags = AI_CANONNAME }, false },
    { "127.0.0.1", "80", { .ai_socktype = 99 }, false },
    { "localhost", "80", { .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_UDP }, false },
};

static void check_same(const struct addrinfo *a, const struct addrinfo *b)
{
    for (; a && b; a = a->ai_next, b = b->ai_next) {
        CHECK_EQ(a->ai_flags, b->ai_flags);
        CHECK_EQ(a->ai_family, b->ai_family);
        CHECK_EQ(a->ai_socktype, b->ai_socktype);
        CHECK_EQ(a->ai_protocol, b->ai_protocol);
        if (CHECK_EQ(a->ai_addrlen, b->ai_addrlen))
            CHECK_EQ(memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen), 0);
        CHECK_STR(a->ai_canonname ? a->ai_canonname : "none",
                  b->ai_canonname ? b->ai_canonname : "none");
    }
    CHECK(!a && !b);
}

static int check_questions(void *arg)
{
    const struct question *q;
    struct addrinfo *twin, *plain;

    (void)arg;
    for (q = questions; q < questions + sizeof questions / sizeof *questions; q++) {
        const struct addrinfo *hints = q->no_hints ? NULL : &q->hints;
        int result, expected;

        twin = plain = NULL;
        result = dure_getaddrinfo(q->host, q->service, hints, &twin);
        expected = getaddrinfo(q->host, q->service, hints, &plain);
        CHECK_EQ(result, expected);
        check_same(twin, plain);
        if (!result)
            freeaddrinfo(twin);
        if (!expected)
            freeaddrinfo(plain);
    }
    return 0;
}

static struct sockaddr_in address(const char *text, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

    inet_pton(AF_INET, text, &in.sin_addr);
    return in;
}

static void check_name(const struct sockaddr_in *in, socklen_t in_len, socklen_t host_len,
                       socklen_t service_len, int flags)
{
    const struct sockaddr *addr = (const struct sockaddr *)in;
    char host[2][64] = { "", "" }, service[2][64] = { "", "" };
    int result, expected;

    result = dure_getnameinfo(addr, in_len, host[0], host_len, service[0], service_len, flags);
    expected = getnameinfo(addr, in_len, host[1], host_len, service[1], service_len, flags);
    CHECK_EQ(result, expected);
    if (result == 0) {
        CHECK_STR(host[0], host[1]);
        CHECK_STR(service[0], service[1]);
    }
}

static int check_names(void *arg)
{
    struct sockaddr_in local = address("127.0.0.1", 80), other = { .sin_family = 12345 };

    (void)arg;
    check_name(&local, sizeof local, 64, 64, NI_NUMERICHOST | NI_NUMERICSERV);
    check_name(&local, sizeof local, 64, 64, NI_NUMERICSERV);
    check_name(&local, sizeof local, 64, 64, 0);
    check_name(&local, sizeof local, 64, 64, NI_DGRAM);
    check_name(&local, sizeof local, 0, 64, 0);
    check_name(&local, sizeof local, 64, 0, NI_NAMEREQD);
    /* errors */
    check_name(&local, sizeof local, 0, 0, 0);
    check_name(&local, sizeof local, 3, 64, NI_NUMERICHOST);
    check_name(&local, sizeof local, 3, 64, 0);
    check_name(&local, sizeof local, 64, 1, NI_NUMERICSERV);
    check_name(&local, sizeof local, 64, 64, 0x40000000);
    check_name(&local, 3, 64, 64, 0);
    check_name(&other, sizeof other, 64, 64, 0);
    check_name(NULL, 0, 64, 64, 0);
    return 0;
}

TEST(the_same_as_the_plain_calls)
{
    check_questions(NULL);
    check_names(NULL);
}

TEST_OUTSIDE(the_same_outside)
{
    dure_scope scope;

    check_questions(NULL);
    check_names(NULL);
    dure_scope_open(&scope);
    check_questions(NULL);
    check_names(NULL);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(the_same_in_the_pool)
{
    CHECK_EQ(dure_blocking(check_questions, NULL, 0), 0);
    CHECK_EQ(dure_blocking(check_names, NULL, 0), 0);
}

/* --- at once, or on a thread --- */

static bool asks_here(const char *host, const char *service, int flags)
{
    struct addrinfo hints = { .ai_flags = flags }, *results;

    if (dure_getaddrinfo(host, service, &hints, &results) == 0)
        freeaddrinfo(results);
    return atomic_load(&on_a_loop);
}

static int ask_numeric(void *arg)
{
    (void)arg;
    CHECK(asks_here("127.0.0.1", "80", 0));
    CHECK(asks_here("::1", NULL, AI_CANONNAME));
    CHECK(asks_here("localhost", "80", AI_NUMERICHOST));
    CHECK(asks_here("fe80::1%lo", "no-number", AI_NUMERICHOST | AI_NUMERICSERV));
    return 0;
}

TEST(numbers_are_answered_at_once)
{
    dure_scope scope;

    ask_numeric(NULL);
    CHECK(!asks_here("127.0.0.1", "http", 0)); /* a file says which */
    CHECK(!asks_here("localhost", "80", 0));
    CHECK(!asks_here(NULL, "80", 0));
    dure_scope_open(&scope); /* it needs little of a stack */
    CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .stack_size = 32 << 10 }, ask_numeric,
                             NULL, 0),
             0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

/* --- cancelled --- */

/* Returns 0 and frees, or an EAI; checks that nothing else was touched. */
static int64_t look_up(void *arg)
{
    struct addrinfo *none = (struct addrinfo *)arg, *results = none;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    int result = dure_getaddrinfo(arg, "80", &hints, &results);

    if (result)
        CHECK(results == none);
    else
        freeaddrinfo(results);
    return result;
}

static int64_t find_name(void *arg)
{
    struct sockaddr_in in = address("127.0.0.1", 7777);
    char host[64] = "untouched";
    int result = dure_getnameinfo((struct sockaddr *)&in, sizeof in, host, sizeof host, NULL, 0, 0);

    (void)arg;
    if (result)
        CHECK_STR(host, "untouched");
    return result;
}

static void check_canceled(const struct background *b)
{
    CHECK_EQ(b->result, EAI_SYSTEM);
    CHECK_EQ(b->error, ECANCELED);
}

static void cancel_before(void)
{
    dure_scope scope;

    reset();
    dure_scope_open(&scope);
    dure_scope_cancel(&scope);
    errno = 0;
    CHECK_EQ(look_up("127.0.0.1"), EAI_SYSTEM);
    CHECK_EQ(errno, ECANCELED);
    errno = 0;
    CHECK_EQ(look_up("slow-1"), EAI_SYSTEM);
    CHECK_EQ(errno, ECANCELED);
    errno = 0;
    CHECK_EQ(find_name(NULL), EAI_SYSTEM);
    CHECK_EQ(errno, ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    CHECK_EQ(begun, 0);
}

TEST(canceled_before)
{
    cancel_before();
}

TEST_OUTSIDE(canceled_before_outside)
{
    cancel_before();
}

TEST(canceled_during)
{
    char *host = strdup("slow-1");
    struct background a, b;
    dure_scope scope;

    reset();
    dure_scope_open(&scope);
    background_start(&a, &scope, DURE_LOOP(1), look_up, host);
    background_start(&b, &scope, DURE_LOOP(0), find_name, NULL);
    YIELD_UNTIL(atomic_load(&begun) == 2);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED); /* at once: the gate is closed */
    check_canceled(&a);
    check_canceled(&b);
    memset(host, 'x', strlen(host));
    free(host);
    open_gate(2);
    YIELD_UNTIL(atomic_load(&freed) == 1);
    CHECK_EQ(answered, 1);
}

TEST(a_deadline_during)
{
    int64_t result = 0;

    reset();
    DURE_WITHIN(dure_after(5 * DURE_MILLISECOND))
    {
        result = look_up("slow-1");
        CHECK_EQ(errno, ECANCELED);
    }
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(result, EAI_SYSTEM);
    open_gate(1);
    YIELD_UNTIL(atomic_load(&freed) == atomic_load(&begun));
}

TEST(canceled_after)
{
    struct background b;
    dure_scope scope;

    reset();
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(0), look_up, "slow-77");
    open_gate(1);
    YIELD_UNTIL(atomic_load(&b.done));
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(b.result, 0);
    CHECK_EQ(freed, 1);
}

/* --- threads of a run --- */

static void look_up_within(void)
{
    dure_scope scope;

    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(5 * DURE_MILLISECOND) });
    CHECK_EQ(look_up("slow-1"), EAI_SYSTEM);
    CHECK_EQ(errno, ECANCELED);
    CHECK_EQ(find_name(NULL), EAI_SYSTEM);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
}

static atomic_bool thread_done;

static void *look_up_on_thread(void *arg)
{
    look_up_within();
    CHECK_EQ(look_up("127.0.0.1"), 0);
    atomic_store(&thread_done, true);
    return arg;
}

TEST(a_thread_with_a_scope)
{
    pthread_t thread;

    reset();
    atomic_store(&thread_done, false);
    CHECK_EQ(pthread_create(&thread, NULL, look_up_on_thread, NULL), 0);
    YIELD_UNTIL(atomic_load(&thread_done)); /* the gate is closed */
    pthread_join(thread, NULL);
    open_gate(1);
    YIELD_UNTIL(atomic_load(&freed) == atomic_load(&begun) + 1);
}

static int look_up_inside(void *arg)
{
    CHECK_EQ(look_up("slow-1"), EAI_SYSTEM);
    CHECK_EQ(errno, ECANCELED);
    return arg != NULL;
}

static int64_t call_look_up_inside(void *arg)
{
    return dure_blocking(look_up_inside, arg, 0);
}

TEST(a_thread_of_the_pool_feels_its_caller_s_cancel)
{
    struct background b;
    dure_scope scope;

    reset();
    dure_scope_open(&scope);
    background_start(&b, &scope, DURE_LOOP(1), call_look_up_inside, NULL);
    YIELD_UNTIL(atomic_load(&begun) == 1);
    dure_scope_cancel(&scope);
    dure_scope_close(&scope);
    CHECK_EQ(b.result, 0);
    open_gate(1);
    YIELD_UNTIL(atomic_load(&freed) == 1);
}

/* Whoever comes first: an answer that was taken is returned, any other is freed. */
TEST(canceled_at_the_same_time)
{
    struct background b;
    dure_scope scope;
    int i;

    reset();
    for (i = 1; i <= 50; i++) {
        dure_scope_open(&scope);
        background_start(&b, &scope, DURE_LOOP(i % 2), look_up, "slow-1");
        open_gate(1);
        dure_scope_cancel(&scope);
        dure_scope_close(&scope);
        if (b.result != 0)
            check_canceled(&b);
        YIELD_UNTIL(atomic_load(&freed) == i);
    }
}

/* --- many --- */

#define THREADS 8
#define SLOW 100

static int look_up_task(void *arg)
{
    char host[32];

    snprintf(host, sizeof host, "slow-%d", 200 + *(int *)arg);
    CHECK_EQ(look_up(host), EAI_AGAIN);
    return 0;
}

static int touch(void *arg)
{
    return *(int *)arg + 1;
}

TEST(many_slow_ones_hold_up_nobody_else)
{
    int fd = make_file("text", 4), i;
    dure_scope scope;
    char buf[4];

    reset();
    dure_scope_open(&scope);
    for (i = 0; i < SLOW; i++)
        CHECK_EQ(dure_spawn_with(&scope, &(dure_spawn_options){ .place = DURE_LOOP(i % 2) },
                                 look_up_task, &i, sizeof i),
                 0);
    YIELD_UNTIL(atomic_load(&begun) == THREADS);
    for (i = 0; i < 100; i++) {
        CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
        CHECK_EQ(dure_read_full(fd, buf, 4), 4);
        CHECK_EQ(dure_blocking(touch, &i, sizeof i), i + 1);
        CHECK(asks_here("127.0.0.1", "80", 0));
    }
    CHECK_EQ(begun, THREADS); /* the others queue */
    open_gate(SLOW);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(begun, SLOW);
    CHECK_EQ(dure_close(fd), 0);
}

TEST(a_queued_one_that_is_canceled_never_begins)
{
    struct background b;
    dure_scope scope, queued;
    int i;

    reset();
    dure_scope_open(&scope);
    for (i = 0; i < THREADS; i++)
        CHECK_EQ(dure_spawn(&scope, look_up_task, &i, sizeof i), 0);
    YIELD_UNTIL(atomic_load(&begun) == THREADS);
    dure_scope_open(&queued);
    background_start(&b, &queued, DURE_LOOP(1), look_up, "slow-999");
    dure_scope_cancel(&queued);
    CHECK_FAILS(dure_scope_close(&queued), ECANCELED);
    check_canceled(&b);
    open_gate(THREADS);
    CHECK_EQ(dure_scope_close(&scope), 0);
    i = 5;
    open_gate(1);
    CHECK_EQ(look_up_task(&i), 0); /* a later one is served after whatever still queued */
    CHECK_EQ(begun, THREADS + 1);
    CHECK_EQ(seen_last, 205);
}

/* --- the end of a run --- */

static int leave_behind(void *arg)
{
    struct background a, b;
    dure_scope scope;

    (void)arg;
    dure_scope_open(&scope);
    background_start(&a, &scope, DURE_THIS_LOOP, look_up, "slow-1");
    background_start(&b, &scope, DURE_THIS_LOOP, find_name, NULL);
    dure_scope_cancel(&scope);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    return 0;
}

TEST_OUTSIDE(a_run_does_not_wait_for_abandoned_ones)
{
    reset();
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2 }, leave_behind, NULL), 0);
    CHECK_EQ(begun, 2); /* and they are still at it */
    CHECK_EQ(freed, 0);
    CHECK_EQ(dure_run_with(&(dure_run_options){ .loops = 2 }, leave_behind, NULL), 0);
    CHECK_EQ(begun, 4);
    open_gate(4);
    YIELD_UNTIL(atomic_load(&freed) == 2);
}

static void *cancel_when_begun(void *arg)
{
    while (!atomic_load(&begun))
        dure_yield();
    dure_scope_cancel(arg);
    return NULL;
}

/* A plain thread, and no run. */
TEST_OUTSIDE(a_scope_ends_it_outside)
{
    pthread_t thread;
    dure_scope scope;

    reset();
    dure_scope_open(&scope);
    pthread_create(&thread, NULL, cancel_when_begun, &scope);
    CHECK_EQ(look_up("slow-1"), EAI_SYSTEM);
    CHECK_EQ(errno, ECANCELED);
    pthread_join(thread, NULL);
    CHECK_FAILS(dure_scope_close(&scope), ECANCELED);
    dure_scope_open_with(&scope,
                         &(dure_scope_options){ .deadline = dure_after(5 * DURE_MILLISECOND) });
    CHECK_EQ(find_name(NULL), EAI_SYSTEM);
    CHECK_EQ(errno, ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    open_gate(atomic_load(&begun));
    YIELD_UNTIL(atomic_load(&freed) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_the_plain_calls),
        cmocka_unit_test(the_same_outside),
        cmocka_unit_test(the_same_in_the_pool),
        cmocka_unit_test(numbers_are_answered_at_once),
        cmocka_unit_test(canceled_before),
        cmocka_unit_test(canceled_before_outside),
        cmocka_unit_test(canceled_during),
        cmocka_unit_test(a_deadline_during),
        cmocka_unit_test(canceled_after),
        cmocka_unit_test(a_thread_with_a_scope),
        cmocka_unit_test(a_thread_of_the_pool_feels_its_caller_s_cancel),
        cmocka_unit_test(canceled_at_the_same_time),
        cmocka_unit_test(many_slow_ones_hold_up_nobody_else),
        cmocka_unit_test(a_queued_one_that_is_canceled_never_begins),
        cmocka_unit_test(a_run_does_not_wait_for_abandoned_ones),
        cmocka_unit_test(a_scope_ends_it_outside),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}

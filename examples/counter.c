/* A counter on three hosts, and a world in which it is tried: `example-counter --seeds=100` cuts
   the hosts off from each other in a hundred ways and finds the bug that is left in on purpose; each
   seed that it prints replays one. `example-counter --fixed --seeds=100` is the counter without it.

   A client asks any one of the replicas to add one. That replica tells the others the new value, and
   says yes when one of them has it: two of three know it then. What was said yes to must never be
   lost again. */
#include <dure.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define REPLICAS 3
#define PORT 100
#define ADDS 20
/* How long one replica waits for another. */
#define PATIENCE_NS (100 * DURE_MILLISECOND)

static const char *const addresses[REPLICAS] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };
static bool fixed;

/* --- a replica --- */

struct request {
    char what; /* 'a': add one; 's': there is a new value; 'p': which do you know? */
    int value;
};

/* What each replica knows. In a program of its own it would be one variable. */
static int values[REPLICAS];

/* Asks a replica. Returns its answer, or -1 when none came in time. */
static int ask(int replica, struct request request, int64_t patience_ns)
{
    int answer = -1, fd = -1;

    DURE_WITHIN(dure_after(patience_ns))
    {
        fd = dure_dial_tcp(addresses[replica], PORT);
        if (fd >= 0 && dure_write_all(fd, &request, sizeof request) > 0 &&
            dure_read_full(fd, &answer, sizeof answer) != sizeof answer)
            answer = -1;
    }
    if (fd >= 0)
        dure_close(fd);
    return answer;
}

/* The highest value that two of three know of, or -1 when no other one answers. */
static int ask_others(int self)
{
    int value = values[self], answers = 0, answer;

    for (int other = 0; other < REPLICAS; other++) {
        if (other == self)
            continue;
        answer = ask(other, (struct request){ .what = 'p' }, PATIENCE_NS);
        answers += answer >= 0;
        if (answer > value)
            value = answer;
    }
    return answers > 0 ? value : -1;
}

static int add(int self)
{
    int value = values[self], told = 0;

    /* The bug is to leave this out: what this replica knows may be old by now. */
    if (fixed)
        value = ask_others(self);
    if (value < 0)
        return -1;
    value++;
    if (value > values[self])
        values[self] = value;
    for (int other = 0; other < REPLICAS; other++)
        if (other != self)
            told += ask(other, (struct request){ .what = 's', .value = value }, PATIENCE_NS) >= 0;
    return told > 0 ? value : -1;
}

struct connection {
    int self, fd;
};

static int answer(void *arg)
{
    struct connection *c = arg;
    struct request request;
    int value = -1;

    if (dure_read_full(c->fd, &request, sizeof request) == sizeof request) {
        if (request.what == 's' && request.value > values[c->self])
            values[c->self] = request.value;
        value = request.what == 'a' ? add(c->self) : values[c->self];
        dure_write_all(c->fd, &value, sizeof value);
    }
    return dure_close(c->fd);
}

static int replica(void *arg)
{
    struct connection c = { .self = *(int *)arg };
    int fd = dure_listen_tcp(NULL, PORT);

    while ((c.fd = dure_accept(fd, NULL, NULL)) >= 0)
        if (dure_go(answer, &c, sizeof c) < 0)
            dure_close(c.fd);
    return dure_close(fd);
}

/* --- a client, and the world --- */

/* Adds, by another replica when one does not answer. Counts what it was said yes to. */
static int client(void *arg)
{
    int *acknowledged = *(int **)arg, at = 0;

    for (int i = 0; i < ADDS; i++) {
        dure_sleep_for(dure_sim_draw(300) * DURE_MILLISECOND);
        if (ask(at, (struct request){ .what = 'a' }, 10 * PATIENCE_NS) >= 0)
            ++*acknowledged;
        else
            at = (at + 1) % REPLICAS;
    }
    return 0;
}

/* Two of these at once: what is cut off overlaps. */
static int cut_and_heal(void *arg)
{
    const int *hosts = arg;

    for (int i = 0; i < 20; i++) {
        int a = hosts[dure_sim_draw(REPLICAS + 1)], b = hosts[dure_sim_draw(REPLICAS + 1)];

        if (dure_sim_partition(a, b) == 0) {
            dure_sleep_for(dure_sim_draw(800) * DURE_MILLISECOND);
            dure_sim_heal(a, b);
        }
    }
    return 0;
}

static int world(void *arg)
{
    int hosts[REPLICAS + 1], acknowledged = 0, *at = &acknowledged, value = 0, i;
    dure_scope trouble;

    (void)arg;
    for (i = 0; i < REPLICAS; i++) {
        hosts[i] = dure_sim_host_add("replica", addresses[i]);
        dure_sim_start(hosts[i], replica, &i, sizeof i);
    }
    dure_sleep_for(DURE_MILLISECOND);
    hosts[i] = dure_sim_host_add("client", "10.0.0.9");
    dure_sim_start(hosts[i], client, &at, sizeof at);
    dure_scope_open(&trouble);
    dure_spawn(&trouble, cut_and_heal, hosts, 0);
    dure_spawn(&trouble, cut_and_heal, hosts, 0);
    dure_scope_close(&trouble);
    dure_sim_wait(hosts[i]);
    for (i = 0; i < REPLICAS; i++) {
        value = values[i] > value ? values[i] : value;
        dure_sim_crash(hosts[i]);
    }
    if (value >= acknowledged)
        return 0;
    return dure_fail(EPROTO, "%d were acknowledged, %d are there", acknowledged, value);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--fixed") == 0) {
        fixed = true;
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    return dure_sim_main(argc, argv, NULL, world, NULL);
}

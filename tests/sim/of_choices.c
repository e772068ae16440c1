/* Properties of channels, futures and choices. */
#include "properties.h"

#include <poll.h>
#include <sys/socket.h>

/* --- items: each arrives exactly once, or stays with its sender --- */

#define CHANNELS 4
#define PARTIES 8
#define ROUNDS 12
#define CASES_MAX 5

static dure_channel *channels[CHANNELS];
static unsigned char sent[PARTIES * ROUNDS], arrived[PARTIES * ROUNDS];
static int idle; /* a socket that nothing comes from */

static dure_channel *any_channel(void)
{
    return channels[dure_sim_draw(CHANNELS)];
}

static dure_deadline soon(void)
{
    return dure_after(dure_sim_draw(200) * DURE_MICROSECOND);
}

static void note_send(int64_t result, int error, int item)
{
    sent[item] += result == 0;
    if (result < 0)
        CHECK(error == EAGAIN || error == ETIMEDOUT || error == ECANCELED);
}

static void note_receive(int64_t result, int error, int item)
{
    if (result == 1 && CHECK(item >= 0 && item < PARTIES * ROUNDS))
        arrived[item]++;
    else
        CHECK(result < 0 && (error == EAGAIN || error == ETIMEDOUT || error == ECANCELED));
}

static void one_call(int own)
{
    int item = -1, result;

    switch (dure_sim_draw(4)) {
    case 0:
        result = dure_channel_trysend(any_channel(), &own);
        note_send(result, errno, own);
        break;
    case 1:
        result = dure_channel_timedsend(any_channel(), &own, soon());
        note_send(result, errno, own);
        break;
    case 2:
        result = dure_channel_tryreceive(any_channel(), &item);
        note_receive(result, errno, item);
        break;
    default:
        result = dure_channel_timedreceive(any_channel(), &item, soon());
        note_receive(result, errno, item);
    }
}

/* What ends a choice if no channel does. */
static dure_case other_case(void)
{
    return dure_sim_draw(4) ? dure_case_at(soon()) : dure_case_default();
}

static void one_choice(int own)
{
    unsigned len = 1 + dure_sim_draw(CASES_MAX), i;
    dure_case cases[CASES_MAX + 2];
    int items[CASES_MAX], won;
    bool sends[CASES_MAX];

    for (i = 0; i < len; i++) {
        items[i] = -1;
        sends[i] = dure_sim_draw(2);
        cases[i] = sends[i] ? dure_case_send(any_channel(), &own)
                            : dure_case_receive(any_channel(), &items[i]);
    }
    cases[len] = other_case();
    cases[len + 1] = dure_case_ready(idle, POLLIN);
    won = dure_choose(cases, len + 1 + dure_sim_draw(2));
    CHECK(won >= 0 || errno == ECANCELED);
    CHECK(won <= (int)len);
    for (i = 0; i < len; i++) {
        if ((int)i != won)
            CHECK_EQ(items[i], -1);
        else if (sends[i])
            note_send(cases[i].result, cases[i].error, own);
        else
            note_receive(cases[i].result, cases[i].error, items[i]);
    }
}

static int trade(void *arg)
{
    int i, first = *(int *)arg * ROUNDS;

    for (i = first; i < first + ROUNDS; i++) {
        if (dure_sim_draw(3) == 0) {
            one_call(i);
        } else if (dure_sim_draw(3) == 0) {
            DURE_WITHIN(soon())
            one_choice(i);
        } else {
            one_choice(i);
        }
    }
    return 0;
}

static void receive_what_is_left(dure_channel *channel)
{
    int item;

    while (dure_channel_tryreceive(channel, &item) == 1)
        note_receive(1, 0, item);
}

void every_item_arrives_once(void)
{
    dure_scope scope;
    int i, fds[2];

    memset(sent, 0, sizeof sent);
    memset(arrived, 0, sizeof arrived);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    idle = fds[0];
    for (i = 0; i < CHANNELS; i++)
        channels[i] = dure_channel_create(sizeof(int), i < 2 ? 0 : dure_sim_draw(4));
    dure_scope_open(&scope);
    for (i = 0; i < PARTIES; i++)
        CHECK_EQ(dure_spawn(&scope, trade, &i, sizeof i), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    for (i = 0; i < CHANNELS; i++) {
        receive_what_is_left(channels[i]);
        dure_channel_destroy(channels[i]);
    }
    for (i = 0; i < PARTIES * ROUNDS; i++)
        CHECK_EQ(arrived[i], sent[i]);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_close(fds[1]), 0);
}

/* --- futures: whoever waits for one is told, and never before it is done --- */

#define FUTURES 3

static dure_future futures[FUTURES];

static int wait_for_futures(void *arg)
{
    unsigned left = FUTURES;
    dure_case cases[FUTURES + 1];
    int won;

    (void)arg;
    for (unsigned i = 0; i < FUTURES; i++)
        cases[i] = dure_case_future(&futures[i]);
    while (left > 0) {
        cases[FUTURES] = dure_case_at(soon());
        won = -1;
        DURE_WITHIN(soon())
        won = dure_choose(cases, FUTURES + dure_sim_draw(2));
        if (won < 0 || won == FUTURES)
            continue;
        CHECK_EQ(dure_future_done(&futures[won]), 1);
        CHECK_EQ(dure_await(&futures[won]), won + 1);
        cases[won] = dure_case_future(NULL);
        left--;
    }
    return 0;
}

static int await_all(void *arg)
{
    dure_future *all[FUTURES];

    (void)arg;
    for (unsigned i = 0; i < FUTURES; i++)
        all[i] = &futures[i];
    CHECK_EQ(dure_all(all, FUTURES), 0); /* a lost wake-up would be a standstill */
    return 0;
}

static int set_future(void *arg)
{
    unsigned i = *(unsigned *)arg;

    dure_sleep_for(dure_sim_draw(500) * DURE_MICROSECOND);
    CHECK_EQ(dure_future_set(&futures[i], i + 1), 0);
    CHECK_FAILS(dure_future_set(&futures[i], i), EALREADY);
    return 0;
}

void futures_tell_all(void)
{
    dure_scope scope;
    unsigned i;

    for (i = 0; i < FUTURES; i++)
        dure_future_init(&futures[i]);
    dure_scope_open(&scope);
    for (i = 0; i < 6; i++)
        CHECK_EQ(dure_spawn(&scope, i % 2 ? await_all : wait_for_futures, NULL, 0), 0);
    for (i = 0; i < FUTURES; i++)
        CHECK_EQ(dure_spawn(&scope, set_future, &i, sizeof i), 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
}

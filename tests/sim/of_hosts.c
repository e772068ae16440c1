/* Properties of programs on several hosts that are cut off, crash, and run out of things. */
#include "properties.h"

#include <fcntl.h>

static int a, b;

static void need_hosts(void)
{
    if (a)
        return;
    a = dure_sim_host_add("a", "10.0.0.1");
    b = dure_sim_host_add("b", "10.0.0.2");
    CHECK(a > 0 && b > 0);
}

/* --- echoes --- */

static bool disturbed;
static unsigned whole, broken;

/* One connection; what comes back is what was said, as far as it comes. */
static void echo_once(void)
{
    char said[3000], heard[3000];
    size_t len = 1 + dure_sim_draw(sizeof said - 1), i;
    int fd = dure_dial_tcp("10.0.0.1", 7);
    ssize_t n;

    if (fd < 0) {
        broken++;
        return;
    }
    for (i = 0; i < len; i++)
        said[i] = (char)dure_sim_draw(256);
    n = dure_write_all(fd, said, len);
    if (n == (ssize_t)len)
        n = dure_read_full(fd, heard, len);
    if (n == (ssize_t)len)
        whole++;
    else
        broken++;
    for (i = 0; n > 0 && i < (size_t)n && n <= (ssize_t)len; i++)
        if (n == (ssize_t)len && !CHECK_EQ(heard[i], said[i]))
            break;
    dure_close(fd);
}

static int echo_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 8; i++)
        DURE_WITHIN(dure_after(DURE_MINUTE))
    echo_once();
    return 0;
}

static int clients(void *arg)
{
    dure_scope scope;

    (void)arg;
    dure_scope_open(&scope);
    for (int i = 0; i < 4; i++)
        dure_spawn(&scope, echo_many, NULL, 0);
    return dure_scope_close(&scope);
}

static void disturb(void)
{
    dure_sleep_for(dure_sim_draw(20) * DURE_MILLISECOND);
    if (dure_sim_draw(2)) {
        CHECK_EQ(dure_sim_partition(a, b), 0);
        dure_sleep_for(dure_sim_draw(5000) * DURE_MILLISECOND);
        CHECK_EQ(dure_sim_heal(a, b), 0);
    } else {
        CHECK_EQ(dure_sim_crash(a), 0);
        dure_sleep_for(dure_sim_draw(5000) * DURE_MILLISECOND);
        CHECK_EQ(dure_sim_start(a, world_echo_server, NULL, 0), 0);
    }
}

void echoes_are_whole(void)
{
    need_hosts();
    whole = broken = 0;
    disturbed = dure_sim_draw(2);
    CHECK_EQ(dure_sim_start(a, world_echo_server, NULL, 0), 0);
    dure_sleep_for(DURE_MILLISECOND);
    CHECK_EQ(dure_sim_start(b, clients, NULL, 0), 0);
    if (disturbed)
        disturb();
    CHECK_EQ(dure_sim_wait(b), 0);
    CHECK_EQ(dure_sim_crash(a), 0);
    CHECK_EQ(dure_sim_wait(a), 0);
    CHECK_EQ(whole + broken, 32);
    if (!disturbed)
        CHECK_EQ(whole, 32);
}

/* --- shortage --- */

/* A server that runs out of descriptors, or memory, serves on when it has some again. */
void servers_survive_shortage(void)
{
    need_hosts();
    whole = broken = 0;
    CHECK_EQ(dure_sim_start(a, world_echo_server, NULL, 0), 0);
    dure_sleep_for(DURE_MILLISECOND);
    CHECK_EQ(dure_sim_fail_descriptors(a, 1 + dure_sim_draw(10), (int)dure_sim_draw(2)), 0);
    CHECK_EQ(dure_sim_start(b, clients, NULL, 0), 0);
    dure_sleep_for(DURE_SECOND);
    CHECK_EQ(dure_sim_fail_descriptors(a, 0, 0), 0);
    CHECK_EQ(dure_sim_wait(b), 0);
    CHECK_EQ(dure_sim_crash(a), 0);
    CHECK_EQ(dure_sim_wait(a), 0);
    CHECK_EQ(whole, 32);
}

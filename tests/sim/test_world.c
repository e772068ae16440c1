/* What the simulated world does: each a world of its own, with seed 1 and some others. */
#include "world.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct sockaddr_in at_b = { .sin_family = AF_INET };

static struct sockaddr_in address(const char *text, unsigned port)
{
    struct sockaddr_in in = at_b;
    unsigned a, b, c, d;

    if (sscanf(text, "%u.%u.%u.%u", &a, &b, &c, &d) == 4)
        in.sin_addr.s_addr = htonl(a << 24 | b << 16 | c << 8 | d);
    in.sin_port = htons((uint16_t)port);
    return in;
}

static int two_hosts(int *a, int *b)
{
    *a = dure_sim_host_add("a", "10.0.0.1");
    *b = dure_sim_host_add("b", "10.0.0.2");
    return CHECK(*a == 1 && *b == 2) ? 0 : -1;
}

/* --- the clock --- */

static int many_timeouts(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3600; i++)
        if (dure_sleep_for(DURE_SECOND) < 0)
            return -1;
    return 0;
}

/* An hour of sleeping costs no real time worth naming. */
static void an_hour_passes(void)
{
    int64_t begun_ns = dure_now();

    many_timeouts(NULL);
    CHECK(dure_now() - begun_ns >= 3600 * DURE_SECOND);
    CHECK(dure_now() - begun_ns < 3601 * DURE_SECOND);
}

/* --- connections --- */

static void connection_is_refused(void)
{
    int a, b, fd = dure_socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = address("10.0.0.2", 7);

    two_hosts(&a, &b);
    CHECK_FAILS(dure_connect(fd, (struct sockaddr *)&to, sizeof to), ECONNREFUSED);
    to = address("10.9.9.9", 7); /* nobody has it */
    CHECK_FAILS(dure_connect(fd, (struct sockaddr *)&to, sizeof to), ETIMEDOUT);
    CHECK_EQ(dure_close(fd), 0);
}

static int echo_once(const char *text)
{
    char back[64] = "";
    int fd = dure_dial_tcp("10.0.0.2", 7);

    if (fd < 0)
        return -1;
    CHECK_EQ(dure_write_all(fd, text, strlen(text)), strlen(text));
    CHECK_EQ(dure_shutdown(fd, SHUT_WR), 0);
    CHECK_EQ(dure_read_full(fd, back, sizeof back), strlen(text)); /* and then the end */
    CHECK(strcmp(back, text) == 0);
    return dure_close(fd);
}

static int client(void *arg)
{
    CHECK_EQ(echo_once(arg), 0);
    return 0;
}

/* What a half-closed connection still carries comes back. */
static void half_closed_connection_answers(void)
{
    static char text[] = "what was said";
    int a, b;

    two_hosts(&a, &b);
    CHECK_EQ(dure_sim_start(b, world_echo_server, NULL, 0), 0);
    dure_sleep_for(DURE_MILLISECOND);
    CHECK_EQ(dure_sim_start(a, client, text, 0), 0);
    CHECK_EQ(dure_sim_wait(a), 0);
    CHECK_EQ(dure_sim_crash(b), 0);
    CHECK_EQ(dure_sim_wait(b), 0);
}

struct talk {
    int fd, error;
    int64_t took_ns;
    ssize_t n;
    bool done;
};

/* Sends, and waits for the answer; the connection is made before. */
static int talker(void *arg)
{
    struct talk *talk = arg;
    char byte = 'x';
    int64_t begun_ns;

    talk->fd = dure_dial_tcp("10.0.0.2", 7);
    CHECK(talk->fd >= 0);
    dure_sleep_for(DURE_SECOND);
    begun_ns = dure_now();
    CHECK_EQ(dure_write(talk->fd, &byte, 1), 1);
    errno = 0;
    talk->n = dure_read(talk->fd, &byte, 1);
    talk->error = errno;
    talk->took_ns = dure_now() - begun_ns;
    talk->done = true;
    return dure_close(talk->fd);
}

static void talk_while_cut(struct talk *talk, int64_t cut_ns)
{
    int a, b;

    two_hosts(&a, &b);
    dure_sim_start(b, world_echo_server, NULL, 0);
    dure_sleep_for(DURE_MILLISECOND);
    dure_sim_start(a, talker, talk, 0);
    dure_sleep_for(DURE_SECOND / 2);
    CHECK_EQ(dure_sim_partition(a, b), 0);
    dure_sleep_for(cut_ns);
    CHECK_EQ(dure_sim_heal(b, a), 0);
    CHECK_EQ(dure_sim_wait(a), 0);
    dure_sim_crash(b);
}

static void partition_delays_and_heals(void)
{
    struct talk talk = { 0 };

    talk_while_cut(&talk, 10 * DURE_SECOND);
    CHECK_EQ(talk.n, 1);
    CHECK(talk.took_ns > 9 * DURE_SECOND && talk.took_ns < 60 * DURE_SECOND);
}

static void long_partition_times_out(void)
{
    struct talk talk = { 0 };

    talk_while_cut(&talk, 3600 * DURE_SECOND);
    CHECK_EQ(talk.n, -1);
    CHECK_EQ(talk.error, ETIMEDOUT);
}

/* A host that has crashed says nothing; one that is back resets what it does not know. */
static void crash_is_silent_and_reboot_resets(void)
{
    struct talk talk = { 0 };
    int a, b;

    two_hosts(&a, &b);
    dure_sim_start(b, world_echo_server, NULL, 0);
    dure_sleep_for(DURE_MILLISECOND);
    dure_sim_start(a, talker, &talk, 0);
    dure_sleep_for(DURE_SECOND / 2);
    CHECK_EQ(dure_sim_crash(b), 0);
    dure_sleep_for(20 * DURE_SECOND);
    CHECK(!talk.done);
    CHECK_EQ(dure_sim_start(b, world_echo_server, NULL, 0), 0);
    CHECK_EQ(dure_sim_wait(a), 0);
    CHECK_EQ(talk.error, ECONNRESET);
    dure_sim_crash(b);
}

/* Who does not read stops who writes. */
static void full_connection_holds_back(void)
{
    static char bytes[1 << 20];
    int fds[2], listener = dure_listen_tcp("127.0.0.1", 9);
    ssize_t n = 0;
    dure_scope scope;

    fds[0] = dure_dial_tcp("127.0.0.1", 9);
    fds[1] = dure_accept(listener, NULL, NULL);
    dure_scope_open_with(&scope, &(dure_scope_options){ .deadline = dure_after(DURE_SECOND) });
    n = dure_write(fds[0], bytes, sizeof bytes);
    CHECK(n > 0 && n < (ssize_t)sizeof bytes);
    CHECK_FAILS(dure_write(fds[0], bytes, 1), ECANCELED);
    CHECK_FAILS(dure_scope_close(&scope), ETIMEDOUT);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_EQ(dure_read_full(fds[1], bytes, sizeof bytes), n);
    dure_close(fds[1]);
    dure_close(listener);
}

/* --- datagrams --- */

static int flood(void *arg)
{
    int fd = dure_socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = address("10.0.0.2", 53);

    (void)arg;
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(dure_sendto(fd, &i, sizeof i, 0, (struct sockaddr *)&to, sizeof to), sizeof i);
        dure_sleep_for(200 * DURE_MICROSECOND);
    }
    return dure_close(fd);
}

struct counts {
    int got, twice, backwards;
};

static int count(void *arg)
{
    struct counts *counts = arg;
    int fd = dure_socket(AF_INET, SOCK_DGRAM, 0), number, last = -1;
    struct sockaddr_in own = address("0.0.0.0", 53);
    bool seen[1000] = { false };

    CHECK_EQ(dure_bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    while (dure_recv(fd, &number, sizeof number, 0) == sizeof number) {
        counts->got++;
        counts->twice += seen[number];
        counts->backwards += number < last;
        seen[number] = true;
        last = number;
    }
    return dure_close(fd);
}

static void datagrams_are_lost_doubled_and_reordered(void)
{
    struct counts counts = { 0 };
    int a, b;

    two_hosts(&a, &b);
    dure_sim_start(b, count, &counts, 0);
    dure_sleep_for(DURE_MILLISECOND);
    dure_sim_start(a, flood, NULL, 0);
    dure_sim_wait(a);
    dure_sleep_for(DURE_SECOND);
    dure_sim_crash(b);
    dure_sim_wait(b);
    CHECK(counts.got > 700 && counts.got < 1050);
    CHECK(counts.twice > 10);
    CHECK(counts.backwards > 100);
}

/* --- running out --- */

static int exhaust(void *arg)
{
    int fds[2];

    (void)arg;
    CHECK_EQ(dure_sim_fail_descriptors(1, 2, 0), 0);
    CHECK_FAILS(dure_pipe2(fds, O_CLOEXEC), EMFILE); /* the second of its two */
    CHECK_EQ(dure_pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(dure_sim_fail_memory(1, 1, 0), 0);
    CHECK(dure_socket(AF_INET, SOCK_STREAM, 0) < 0);
    CHECK(errno == ENOMEM || errno == ENOBUFS);
    /* What a real call sees of it is nothing. */
    CHECK_FAILS(read(fds[0], fds, 1), EBADF);
    CHECK_FAILS(close(fds[0]), EBADF);
    CHECK_EQ(dure_close(fds[0]), 0);
    CHECK_FAILS(dure_close(fds[0]), EBADF);
    return dure_close(fds[1]);
}

static void things_run_out_and_escapes_are_seen(void)
{
    int a, b;

    two_hosts(&a, &b);
    dure_sim_start(a, exhaust, NULL, 0);
    dure_sim_wait(a);
}

static void what_is_not_simulated_says_so(void)
{
    int fd = dure_open("/x", O_CREAT | O_RDWR, 0600);

    CHECK(fd >= 0);
    CHECK_FAILS(dure_fcntl(fd, F_GETLEASE), ENOSYS);
    CHECK(strstr(dure_why(), "not simulated") != NULL);
    CHECK_FAILS(dure_socket(AF_NETLINK, SOCK_RAW, 0), ENOSYS);
    CHECK_FAILS(dure_splice(fd, NULL, fd, NULL, 1, 0), ENOSYS);
    CHECK_EQ(dure_close(fd), 0);
}

/* The date is the same in each world, and time passes with the other clock's. */
static void dates_begin_with_2026(void)
{
    struct timespec wall, before, after;
    struct tm date;

    CHECK_EQ(dure_clock_gettime(CLOCK_REALTIME, &before), 0);
    CHECK(gmtime_r(&before.tv_sec, &date) && date.tm_year == 126 && date.tm_yday == 0);
    dure_sleep_for(DURE_MINUTE);
    CHECK_EQ(dure_clock_gettime(CLOCK_REALTIME, &wall), 0);
    CHECK(wall.tv_sec - before.tv_sec >= 60 && wall.tv_sec - before.tv_sec < 62);
    CHECK_EQ(dure_clock_gettime(CLOCK_MONOTONIC, &after), 0);
    CHECK(dure_now() - (after.tv_sec * DURE_SECOND + after.tv_nsec) < DURE_MILLISECOND);
    CHECK_FAILS(dure_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &wall), ENOSYS);
}

/* --- disks --- */

/* As no other test does: what is refused, and what a way may be like. */
static void paths_are_resolved_as_posix_has_it(void)
{
    char name[300], text[8], way[5000] = "";
    struct stat st;
    int fd;

    memset(name, 'n', sizeof name);
    name[255] = '\0';
    CHECK_EQ(dure_mkdir(name, 0700), 0); /* the longest */
    CHECK_EQ(dure_rmdir(name), 0);
    name[255] = 'n';
    name[256] = '\0';
    CHECK_FAILS(dure_mkdir(name, 0700), ENAMETOOLONG);
    while (strlen(way) < 4094)
        strcat(way, "./");
    CHECK_EQ(dure_stat(way, &st), 0);
    strcat(way, "./");
    CHECK_FAILS(dure_stat(way, &st), ENAMETOOLONG);
    CHECK_EQ(dure_symlink("one", "/two"), 0);
    CHECK_EQ(dure_symlink("two", "/one"), 0);
    CHECK_FAILS(dure_open("/one", O_RDONLY), ELOOP);
    CHECK_FAILS(dure_open("/one/more", O_RDONLY), ELOOP);
    CHECK_EQ(dure_unlink("/one"), 0);
    fd = dure_open("/two", O_CREAT | O_RDWR, 0600); /* makes what the link points to */
    CHECK_EQ(dure_lstat("/one", &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK_FAILS(dure_open("/two", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_FAILS(dure_open("/two", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_FAILS(dure_open("/one/", O_RDONLY), ENOTDIR);
    CHECK_FAILS(dure_open("/one/x", O_RDONLY), ENOTDIR);
    CHECK_FAILS(dure_open("/new/", O_CREAT | O_RDWR, 0600), EISDIR);
    CHECK_FAILS(dure_open("/", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
    CHECK_EQ(dure_close(fd), 0);
    fd = dure_open("/two", O_PATH | O_NOFOLLOW);
    CHECK_EQ(dure_readlinkat(fd, "", text, sizeof text), 3);
    CHECK_FAILS(dure_read(fd, text, 1), EBADF);
    CHECK_FAILS(dure_fchmod(fd, 0600), EBADF);
    CHECK_EQ(dure_close(fd), 0);
    CHECK_EQ(dure_mkdir("/dir", 0700), 0);
    CHECK_EQ(dure_mkdir("/dir/in", 0700), 0);
    CHECK_FAILS(dure_rename("/dir", "/dir/in/dir"), EINVAL);
    CHECK_FAILS(dure_rename("/dir/in", "/dir"), ENOTEMPTY);
    CHECK_FAILS(dure_rename("/one", "/dir/"), ENOTDIR);
    CHECK_FAILS(dure_rmdir("/dir/."), EINVAL);
    CHECK_FAILS(dure_rmdir("/dir/in/.."), ENOTEMPTY);
    CHECK_FAILS(dure_rmdir("/"), EBUSY);
    CHECK_FAILS(dure_link("/dir", "/other"), EPERM);
    fd = dure_open("/dir/in", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(dure_stat("/dir", &st), 0);
    CHECK_EQ(st.st_nlink, 3);
    CHECK_EQ(dure_rmdir("/dir/in"), 0);
    CHECK_FAILS(dure_openat(fd, "file", O_CREAT | O_RDWR, 0600), ENOENT); /* it is gone */
    CHECK_EQ(dure_fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(dure_close(fd), 0);
}

static int save(const char *path, const char *text, bool sync)
{
    int fd = dure_open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    int dir = dure_open("/", O_RDONLY | O_DIRECTORY);

    CHECK_EQ(dure_write_all(fd, text, strlen(text)), strlen(text));
    if (sync) {
        CHECK_EQ(dure_fsync(fd), 0);
        CHECK_EQ(dure_fsync(dir), 0);
    }
    dure_close(dir);
    return dure_close(fd);
}

static int saver(void *arg)
{
    (void)arg;
    save("/synced", "all of it", true);
    save("/lost", "maybe", false);
    CHECK_EQ(dure_mkdir("/folder", 0700), 0);
    CHECK_EQ(dure_rename("/lost", "/folder/lost"), 0);
    CHECK_FAILS(dure_rmdir("/folder"), ENOTEMPTY);
    dure_sleep_until((dure_deadline){ 0 });
    return 0;
}

static bool lost_something;

static int finder(void *arg)
{
    char text[32] = "";
    int fd = dure_open("/synced", O_RDONLY);
    struct stat st;

    (void)arg;
    CHECK(fd >= 0);
    CHECK_EQ(dure_read_full(fd, text, sizeof text), 9);
    CHECK(strcmp(text, "all of it") == 0);
    dure_close(fd);
    lost_something = dure_stat("/folder/lost", &st) < 0 || st.st_size < 5;
    return 0;
}

static void crash_keeps_what_was_synced(void)
{
    int a, b;

    two_hosts(&a, &b);
    dure_sim_start(a, saver, NULL, 0);
    dure_sleep_for(DURE_SECOND);
    dure_sim_crash(a);
    dure_sim_wait(a);
    dure_sim_start(a, finder, NULL, 0);
    dure_sim_wait(a);
}

static void full_disk_says_so(void)
{
    static char bytes[2000];
    int fd = dure_open("big", O_CREAT | O_WRONLY, 0600);

    CHECK_EQ(dure_write(fd, bytes, sizeof bytes), 1000);
    CHECK_FAILS(dure_write(fd, bytes, 1), ENOSPC);
    CHECK_EQ(dure_ftruncate(fd, 0), 0);
    CHECK_EQ(dure_pwrite(fd, bytes, 10, 0), 10);
    dure_close(fd);
}

static void failing_disk_says_so(void)
{
    char byte = 0;
    int fd = dure_open("file", O_CREAT | O_RDWR, 0600);

    CHECK_FAILS(dure_write(fd, &byte, 1), EIO);
    CHECK_FAILS(dure_fsync(fd), EIO);
    dure_close(fd);
}

/* --- the run --- */

struct test {
    const char *name;
    void (*fn)(void);
    dure_sim_options options;
};

static const struct test tests[] = {
    { "an_hour_passes", an_hour_passes, { 0 } },
    { "connection_is_refused", connection_is_refused, { 0 } },
    { "half_closed_connection_answers", half_closed_connection_answers, { 0 } },
    { "partition_delays_and_heals", partition_delays_and_heals, { 0 } },
    { "long_partition_times_out", long_partition_times_out, { 0 } },
    { "crash_is_silent_and_reboot_resets", crash_is_silent_and_reboot_resets, { 0 } },
    { "full_connection_holds_back", full_connection_holds_back, { 0 } },
    { "datagrams_are_lost_doubled_and_reordered",
      datagrams_are_lost_doubled_and_reordered,
      { .loss_ppm = 100000, .duplicate_ppm = 50000 } },
    { "things_run_out_and_escapes_are_seen", things_run_out_and_escapes_are_seen, { 0 } },
    { "what_is_not_simulated_says_so", what_is_not_simulated_says_so, { 0 } },
    { "dates_begin_with_2026", dates_begin_with_2026, { 0 } },
    { "paths_are_resolved_as_posix_has_it", paths_are_resolved_as_posix_has_it, { 0 } },
    { "crash_keeps_what_was_synced", crash_keeps_what_was_synced, { 0 } },
    { "full_disk_says_so", full_disk_says_so, { .disk_size = 1000 } },
    { "failing_disk_says_so",
      failing_disk_says_so,
      { .disk_error_ppm = 1000000, .sync_error_ppm = 1000000 } },
};

static int run_body(void *arg)
{
    const struct test *test = arg;

    test->fn();
    return world_failures ? -1 : 0;
}

/* Some seeds of each, and the first one twice: the same seed is the same run. */
static void run_test(const struct test *test)
{
    uint64_t seed, hash = 0, events = 0;
    unsigned lost = 0;

    for (seed = 1; seed <= 20 && !world_failures; seed++) {
        CHECK_EQ(dure_sim_run(seed, &test->options, run_body, (void *)test), 0);
        lost += lost_something;
        if (seed == 1) {
            hash = dure_sim_hash();
            events = dure_sim_events();
            CHECK_EQ(dure_sim_run(seed, &test->options, run_body, (void *)test), 0);
            CHECK_EQ(dure_sim_hash(), hash);
            CHECK_EQ(dure_sim_events(), events);
        } else {
            CHECK(dure_sim_hash() != hash);
        }
    }
    if (test->fn == crash_keeps_what_was_synced)
        CHECK(lost > 0 && lost < 20); /* what was not may be there or not */
}

static int wait_for_nothing(void *arg)
{
    (void)arg;
    return dure_sleep_until((dure_deadline){ 0 });
}

/* Of one that can never go on the caller hears. */
static void standstill_is_told(void)
{
    int kept = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

    dup2(null, STDERR_FILENO); /* its dump is expected */
    CHECK_FAILS(dure_sim_run(1, NULL, wait_for_nothing, NULL), EDEADLK);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(null);
}

int main(void)
{
    unsigned failed = 0;

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        world_failures = 0;
        run_test(&tests[i]);
        printf("%s %s\n", world_failures ? "FAILED" : "ok", tests[i].name);
        failed += world_failures != 0;
    }
    world_failures = 0;
    standstill_is_told();
    printf("%s standstill_is_told\n", world_failures ? "FAILED" : "ok");
    return failed || world_failures ? 1 : 0;
}

/* Properties of names: of hosts, which a server on host 0 tells, and of sockets, which a crash leaves
   without their owners. */
#include "properties.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

static int c, d;

static void need_hosts(void)
{
    if (c)
        return;
    c = dure_sim_host_add("Carol", "10.0.0.3");
    d = dure_sim_host_add("dave", "2001:db8::4");
    CHECK(c > 0 && d > 0);
}

/* --- of hosts --- */

static void look_up(const char *host, const char *service, int family, const char *address,
                    unsigned port)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *found = NULL;
    char text[64] = "", name[64] = "";

    if (!CHECK_EQ(dure_getaddrinfo(host, service, &hints, &found), 0))
        return;
    CHECK_EQ(
        getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST),
        0);
    CHECK(strcmp(text, address) == 0);
    CHECK_EQ(ntohs(((struct sockaddr_in *)(void *)found->ai_addr)->sin_port), port);
    CHECK(found->ai_next == NULL);
    CHECK_EQ(dure_getnameinfo(found->ai_addr, found->ai_addrlen, name, sizeof name, NULL, 0, 0), 0);
    CHECK(strcasecmp(name, host) == 0);
    freeaddrinfo(found);
}

static int resolve(void *arg)
{
    struct addrinfo *found = NULL, v6 = { .ai_family = AF_INET6 };

    (void)arg;
    look_up("carol", "http", AF_UNSPEC, "10.0.0.3", 80);
    look_up("DAVE", "8080", AF_INET6, "2001:db8::4", 8080);
    look_up("localhost", "https", AF_INET, "127.0.0.1", 443);
    CHECK_EQ(dure_getaddrinfo("nobody", NULL, NULL, &found), EAI_NONAME);
    CHECK_EQ(dure_getaddrinfo("carol", NULL, &v6, &found), EAI_NONAME); /* it has no such address */
    CHECK_EQ(dure_getaddrinfo("carol", "no-such-service", NULL, &found), EAI_SERVICE);
    CHECK(found == NULL);
    return 0;
}

/* Nobody answers; who goes on asking is answered once the way is free again. */
static int resolve_cut_off(void *arg)
{
    struct addrinfo *found = NULL;
    int64_t begun_ns = dure_now();
    int error = dure_getaddrinfo("dave", NULL, NULL, &found);

    (void)arg;
    CHECK_EQ(error, EAI_AGAIN);
    CHECK(dure_now() - begun_ns >= 10 * DURE_SECOND);
    CHECK_EQ(dure_getaddrinfo("carol", NULL, NULL, &found), 0); /* its own name it knows */
    freeaddrinfo(found);
    while ((error = dure_getaddrinfo("dave", NULL, NULL, &found)) == EAI_AGAIN)
        ;
    CHECK_EQ(error, 0);
    freeaddrinfo(found);
    return 0;
}

static int resolve_and_give_up(void *arg)
{
    struct addrinfo *found = NULL;

    (void)arg;
    DURE_WITHIN(dure_after(DURE_SECOND))
    CHECK_EQ(dure_getaddrinfo("dave", NULL, NULL, &found), EAI_SYSTEM);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK(found == NULL);
    return 0;
}

void hosts_are_found_by_name(void)
{
    need_hosts();
    CHECK_EQ(dure_sim_start(c, resolve, NULL, 0), 0);
    CHECK_EQ(dure_sim_wait(c), 0);
    CHECK_EQ(dure_sim_partition(c, 0), 0);
    CHECK_EQ(dure_sim_start(c, resolve_cut_off, NULL, 0), 0);
    CHECK_EQ(dure_sim_start(c, resolve_and_give_up, NULL, 0), 0);
    dure_sleep_for(DURE_MINUTE);
    CHECK_EQ(dure_sim_heal(c, 0), 0);
    CHECK_EQ(dure_sim_wait(c), 0);
}

/* --- of sockets --- */

static const struct sockaddr_un door = { .sun_family = AF_UNIX, .sun_path = "/tmp/door" };

static int knock(void)
{
    int fd = dure_socket(AF_UNIX, SOCK_STREAM, 0), error = 0;

    if (dure_connect(fd, (const struct sockaddr *)&door, sizeof door) < 0)
        error = errno;
    CHECK_EQ(dure_close(fd), 0);
    return error;
}

/* Sends its own listener to itself, so that it is in flight as well when the host crashes. */
static int open_door(void *arg)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
    struct iovec iov = { "f", 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    int fd = dure_socket(AF_UNIX, SOCK_STREAM, 0), dir = dure_open("/tmp", O_RDONLY), pair[2];

    (void)arg;
    CHECK_EQ(dure_bind(fd, (const struct sockaddr *)&door, sizeof door), 0);
    CHECK_EQ(dure_listen(fd, 5), 0);
    while (dure_fsync(dir) < 0)
        ;
    CHECK_EQ(knock(), 0);
    CHECK_EQ(dure_socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    CHECK_EQ(dure_sendmsg(pair[0], &msg, 0), 1);
    memcpy(CMSG_DATA(&control.header), &pair[1], sizeof fd);
    CHECK_EQ(dure_sendmsg(pair[0], &msg, 0), 1);
    dure_sleep_until((dure_deadline){ 0 });
    return 0;
}

static int find_door(void *arg)
{
    struct stat st;
    int fd = dure_socket(AF_UNIX, SOCK_STREAM, 0);

    (void)arg;
    CHECK_EQ(dure_stat(door.sun_path, &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    CHECK_EQ(knock(), ECONNREFUSED);
    CHECK_FAILS(dure_bind(fd, (const struct sockaddr *)&door, sizeof door), EADDRINUSE);
    CHECK_EQ(dure_unlink(door.sun_path), 0);
    CHECK_EQ(knock(), ENOENT);
    CHECK_EQ(dure_bind(fd, (const struct sockaddr *)&door, sizeof door), 0);
    CHECK_EQ(knock(), ECONNREFUSED); /* it does not listen yet */
    CHECK_EQ(dure_listen(fd, 1), 0);
    CHECK_EQ(knock(), 0);
    CHECK_EQ(dure_unlink(door.sun_path), 0);
    return dure_close(fd);
}

/* The path outlives a crash as far as it was synced, the socket behind it does not; other hosts have
   no part in it. */
void crash_leaves_a_path_to_nobody(void)
{
    need_hosts();
    CHECK_EQ(dure_sim_start(c, open_door, NULL, 0), 0);
    dure_sleep_for(DURE_SECOND);
    CHECK_EQ(knock(), ENOENT);
    CHECK_EQ(dure_sim_crash(c), 0);
    CHECK_EQ(dure_sim_wait(c), 0);
    CHECK_EQ(dure_sim_start(c, find_door, NULL, 0), 0);
    CHECK_EQ(dure_sim_wait(c), 0);
}

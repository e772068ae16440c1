/* The floor of an HTTP server: answers a file of 1 KB without parsing anything. It takes the
   length of the first request for the length of all of them, which holds for wrk's, and answers
   as many as have come with one send. */
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

#define EVENTS_MAX 512
#define FDS_MAX 20000
#define ANSWERS_MAX 64
#define BODY_LEN 1024

static char in[16384];
static char *answers;
static size_t answer_len;
static size_t request_len;
static size_t rest[FDS_MAX];

static void make_answers(void)
{
    char body[BODY_LEN + 1];
    char one[2 * BODY_LEN];
    size_t i;

    memset(body, 'x', BODY_LEN);
    body[BODY_LEN] = '\0';
    answer_len =
        (size_t)snprintf(one, sizeof one,
                         "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                         "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                         "ETag: \"6955b900-400\"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                         "Content-Length: %d\r\n\r\n%s",
                         BODY_LEN, body);
    answers = malloc(ANSWERS_MAX * answer_len);
    if (!answers)
        bench_die("malloc");
    for (i = 0; i < ANSWERS_MAX; i++)
        memcpy(answers + i * answer_len, one, answer_len);
}

static void answer(int fd)
{
    ssize_t n = recv(fd, in, sizeof in, 0);
    size_t count;
    const char *end;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        rest[fd] = 0;
        close(fd);
        return;
    }
    if (request_len == 0) {
        end = memmem(in, (size_t)n, "\r\n\r\n", 4);
        if (!end)
            bench_die("the first request came in pieces");
        request_len = (size_t)(end + 4 - in);
    }
    count = (rest[fd] + (size_t)n) / request_len;
    rest[fd] = (rest[fd] + (size_t)n) % request_len;
    if (count > ANSWERS_MAX)
        bench_die("more requests at once than this can answer");
    if (count > 0 && send(fd, answers, count * answer_len, MSG_NOSIGNAL) < 0)
        close(fd);
}

int main(void)
{
    static struct epoll_event events[EVENTS_MAX];
    int listen_fd = bench_listen(SOCK_NONBLOCK);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listen_fd };
    int n, i;

    make_answers();
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        bench_die("epoll");
    for (;;) {
        n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (i = 0; i < n; i++) {
            if (events[i].data.fd != listen_fd) {
                answer(events[i].data.fd);
                continue;
            }
            event.events = EPOLLIN | EPOLLET;
            event.data.fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (event.data.fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
                bench_die("epoll_ctl");
        }
    }
}

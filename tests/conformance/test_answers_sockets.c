/* What a descriptor is and can, asked of every kind: the answers are the plain call's. */
#include "answers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <termios.h>

static char buf[16];
static int value;
static socklen_t len;
static struct sockaddr_storage addr;
static struct itimerspec timer;
static struct pollfd asked;

static struct pollfd *ask(int fd, short events)
{
    asked = (struct pollfd){ .fd = fd, .events = events };
    return &asked;
}

static int *fresh_value(void)
{
    value = 77;
    len = sizeof value;
    return &value;
}

static struct sockaddr *fresh_addr(socklen_t room)
{
    memset(&addr, 0, sizeof addr);
    len = room;
    return (struct sockaddr *)&addr;
}

/* Any port. */
static const struct sockaddr *loopback(void)
{
    static const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f };

    return (const struct sockaddr *)&in;
}

static const struct sockaddr *no_one(void)
{
    static const struct sockaddr none = { .sa_family = AF_UNSPEC };

    return &none;
}

static struct msghdr *message(void)
{
    static struct iovec iov;
    static struct msghdr msg;

    iov = (struct iovec){ buf, 1 };
    msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
    return &msg;
}

static struct mmsghdr *messages(void)
{
    static struct mmsghdr one;

    one = (struct mmsghdr){ .msg_hdr = *message() };
    return &one;
}

/* --- names, options --- */

ANSWERS_CALL_TELLS(getsockname, getsockname(fd, fresh_addr(sizeof addr), &len),
                   addr.ss_family * 1000 + len)
ANSWERS_CALL_TELLS(getsockname_short, getsockname(fd, fresh_addr(1), &len), len)
ANSWERS_CALL(getsockname_negative, getsockname(fd, fresh_addr((socklen_t)-1), &len))
ANSWERS_CALL_TELLS(getpeername, getpeername(fd, fresh_addr(sizeof addr), &len),
                   addr.ss_family * 1000 + len)
ANSWERS_CALL_TELLS(type, getsockopt(fd, SOL_SOCKET, SO_TYPE, fresh_value(), &len), value)
ANSWERS_CALL_TELLS(error, getsockopt(fd, SOL_SOCKET, SO_ERROR, fresh_value(), &len), value)
ANSWERS_CALL_TELLS(accepts, getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, fresh_value(), &len), value)
ANSWERS_CALL(getsockopt_odd, getsockopt(fd, SOL_SOCKET, 7777, fresh_value(), &len))
ANSWERS_CALL(getsockopt_level, getsockopt(fd, 7777, 1, fresh_value(), &len))
ANSWERS_CALL(setsockopt, setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, fresh_value(), sizeof value))
ANSWERS_CALL(setsockopt_short, setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, fresh_value(), 1))
ANSWERS_CALL(setsockopt_odd, setsockopt(fd, SOL_SOCKET, 7777, fresh_value(), sizeof value))
ANSWERS_CALL(bind, bind(fd, loopback(), sizeof(struct sockaddr_in)))
ANSWERS_CALL(bind_short, bind(fd, loopback(), 1))
ANSWERS_CALL(listen, listen(fd, 1))
ANSWERS_CALL(shutdown, shutdown(fd, SHUT_RDWR))
ANSWERS_CALL(shutdown_odd, shutdown(fd, 77))
ANSWERS_CALL(disconnect, connect(fd, no_one(), sizeof(struct sockaddr)))

/* --- messages, with MSG_DONTWAIT --- */

ANSWERS_CALL(recv, recv(fd, buf, 1, MSG_DONTWAIT))
ANSWERS_CALL(recv_nothing, recv(fd, buf, 0, MSG_DONTWAIT))
ANSWERS_CALL(peek, recv(fd, buf, 1, MSG_PEEK | MSG_DONTWAIT))
ANSWERS_CALL(recvfrom, recvfrom(fd, buf, 1, MSG_DONTWAIT, fresh_addr(sizeof addr), &len))
ANSWERS_CALL(recvmsg, recvmsg(fd, message(), MSG_DONTWAIT))
ANSWERS_CALL(recvmmsg, recvmmsg(fd, messages(), 1, MSG_DONTWAIT, NULL))
ANSWERS_CALL(recvmmsg_nothing, recvmmsg(fd, messages(), 0, MSG_DONTWAIT, NULL))
ANSWERS_CALL(send, send(fd, buf, 1, MSG_DONTWAIT))
ANSWERS_CALL(send_nothing, send(fd, buf, 0, MSG_DONTWAIT))
ANSWERS_CALL(send_urgent, send(fd, buf, 1, MSG_OOB | MSG_DONTWAIT))
ANSWERS_CALL(sendto, sendto(fd, buf, 1, MSG_DONTWAIT, loopback(), sizeof(struct sockaddr_in)))
ANSWERS_CALL(sendto_short, sendto(fd, buf, 1, MSG_DONTWAIT, loopback(), 1))
ANSWERS_CALL(sendmsg, sendmsg(fd, message(), MSG_DONTWAIT))
ANSWERS_CALL(sendmmsg, sendmmsg(fd, messages(), 1, MSG_DONTWAIT))
ANSWERS_CALL(sendmmsg_nothing, sendmmsg(fd, messages(), 0, MSG_DONTWAIT))

/* --- flags, events, timers, ttys --- */

ANSWERS_CALL(getfd, fcntl(fd, F_GETFD))
ANSWERS_CALL(getfl, fcntl(fd, F_GETFL))
ANSWERS_CALL(setfl, fcntl(fd, F_SETFL, O_NONBLOCK))
ANSWERS_CALL(setfd, fcntl(fd, F_SETFD, 0))
ANSWERS_CALL_MAKES(dupfd, fcntl(fd, F_DUPFD_CLOEXEC, 10))
ANSWERS_CALL(dupfd_negative, fcntl(fd, F_DUPFD, -1))
ANSWERS_CALL(pipe_size, fcntl(fd, F_GETPIPE_SZ))
ANSWERS_CALL(seals, fcntl(fd, F_GET_SEALS))
ANSWERS_CALL(getlk, fcntl(fd, F_GETLK, &(struct flock){ .l_type = F_WRLCK }))
ANSWERS_CALL(setlk_unlock, fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_UNLCK }))
ANSWERS_CALL(setlkw_unlock, fcntl(fd, F_SETLKW, &(struct flock){ .l_type = F_UNLCK }))
ANSWERS_CALL(setlkw_odd, fcntl(fd, F_SETLKW, &(struct flock){ .l_type = 77 }))
ANSWERS_CALL(fcntl_odd, fcntl(fd, 7777, 0))
ANSWERS_CALL_MAKES(dup, dup(fd))
ANSWERS_CALL(close, close(dup(fd)))
ANSWERS_CALL_TELLS(poll, poll(ask(fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP), 1, 0), asked.revents)
ANSWERS_CALL_TELLS(poll_nothing, poll(ask(fd, 0), 1, 0), asked.revents)
ANSWERS_CALL_TELLS(ppoll, ppoll(ask(fd, POLLIN | POLLOUT), 1, &(struct timespec){ 0 }, NULL),
                   asked.revents)
ANSWERS_CALL_TELLS(timerfd_gettime, timerfd_gettime(fd, &timer), timer.it_value.tv_sec)
ANSWERS_CALL(timerfd_settime, timerfd_settime(fd, 0, &(struct itimerspec){ 0 }, NULL))
ANSWERS_CALL(timerfd_settime_odd,
             timerfd_settime(fd, 0, &(struct itimerspec){ .it_value.tv_nsec = -1 }, NULL))
ANSWERS_CALL(tcdrain, tcdrain(fd))
ANSWERS_CALL(tcsetattr, tcsetattr(fd, TCSANOW, &(struct termios){ .c_cflag = CS8 }))
ANSWERS_CALL(tcsetattr_odd, tcsetattr(fd, 77, &(struct termios){ 0 }))

static const struct answers_call calls[] = {
    ANSWERS_ROW(getsockname, 0),
    ANSWERS_ROW(getsockname_short, 0),
    ANSWERS_ROW(getsockname_negative, 0),
    ANSWERS_ROW(getpeername, 0),
    ANSWERS_ROW(type, 0),
    ANSWERS_ROW(error, 0),
    ANSWERS_ROW(accepts, 0),
    ANSWERS_ROW(getsockopt_odd, 0),
    ANSWERS_ROW(getsockopt_level, 0),
    ANSWERS_ROW(setsockopt, 0),
    ANSWERS_ROW(setsockopt_short, 0),
    ANSWERS_ROW(setsockopt_odd, 0),
    ANSWERS_ROW(bind, 0),
    ANSWERS_ROW(bind_short, 0),
    ANSWERS_ROW(listen, 0),
    ANSWERS_ROW(shutdown, 0),
    ANSWERS_ROW(shutdown_odd, 0),
    ANSWERS_ROW(disconnect, 0),
    ANSWERS_ROW(recv, 0),
    ANSWERS_ROW(recv_nothing, 0),
    ANSWERS_ROW(peek, 0),
    ANSWERS_ROW(recvfrom, 0),
    ANSWERS_ROW(recvmsg, 0),
    ANSWERS_ROW(recvmmsg, 0),
    ANSWERS_ROW(recvmmsg_nothing, 0),
    ANSWERS_ROW(send, 0),
    ANSWERS_ROW(send_nothing, 0),
    ANSWERS_ROW(send_urgent, 0),
    ANSWERS_ROW(sendto, 0),
    ANSWERS_ROW(sendto_short, 0),
    ANSWERS_ROW(sendmsg, 0),
    ANSWERS_ROW(sendmmsg, 0),
    ANSWERS_ROW(sendmmsg_nothing, 0),
    ANSWERS_ROW(getfd, 0),
    ANSWERS_ROW(getfl, 0),
    ANSWERS_ROW(setfl, 0),
    ANSWERS_ROW(setfd, 0),
    ANSWERS_ROW(dupfd, 0),
    ANSWERS_ROW(dupfd_negative, 0),
    ANSWERS_ROW(pipe_size, 0),
    ANSWERS_ROW(seals, 0),
    ANSWERS_ROW(getlk, 0),
    ANSWERS_ROW(setlk_unlock, 0),
    ANSWERS_ROW(setlkw_unlock, 0),
    ANSWERS_ROW(setlkw_odd, 0),
    ANSWERS_ROW(fcntl_odd, 0),
    ANSWERS_ROW(dup, 0),
    ANSWERS_ROW(close, 0),
    ANSWERS_ROW(poll, 0),
    ANSWERS_ROW(poll_nothing, 0),
    ANSWERS_ROW(ppoll, 0),
    ANSWERS_ROW(timerfd_gettime, 0),
    ANSWERS_ROW(timerfd_settime, 0),
    ANSWERS_ROW(timerfd_settime_odd, 0),
    ANSWERS_ROW(tcdrain, 0),
    ANSWERS_ROW(tcsetattr, 0),
    ANSWERS_ROW(tcsetattr_odd, 0),
};

ANSWERS_TESTS

int main(void)
{
    const struct CMUnitTest tests[] = { ANSWERS_UNITS };

    return answers_main(tests, sizeof tests / sizeof *tests);
}

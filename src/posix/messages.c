/* Several messages in a call, of which the system gets as many at once as it takes without
   waiting. */
#include "posix/transfer.h"

#include <dure/io.h>
#include <dure/socket.h>
#include <dure/time.h>
#include <errno.h>

/* Nothing more can be moved now. Returns 0 when it is worth to try again, or -errno. */
static int wait_for_room(int fd, int flags)
{
    struct pollfd poll = { .fd = fd, .events = POLLOUT };
    int file_flags = dure_fcntl(fd, F_GETFL);

    if (file_flags < 0)
        return -errno;
    if ((flags & MSG_DONTWAIT) || (file_flags & O_NONBLOCK))
        return -EAGAIN;
    if (dure_poll(&poll, 1, -1) < 0)
        return -errno;
    return poll.revents & POLLNVAL ? -EBADF : 0; /* closed; the number may be another's by now */
}

/* What one call has moved; the budget is paid for it. */
static int64_t paid(int result)
{
    int64_t answer = result < 0 ? -errno : result;

    if (task_current())
        task_pay(sched_here);
    return answer;
}

/* A stream may have taken the last message in part: a call that waits moves all of it. */
static void finish_last(int fd, struct mmsghdr *message, int flags)
{
    struct msghdr *header = &message->msg_hdr;
    int64_t n;

    if ((flags & MSG_DONTWAIT) ||
        message->msg_len == transfer_len(header->msg_iov, header->msg_iovlen))
        return;
    n = transfer_rest(fd, header->msg_iov, header->msg_iovlen, message->msg_len, true, flags);
    if (n > 0)
        message->msg_len = (unsigned)n;
}

int dure_sendmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags)
{
    int64_t n = io_entry_refused();
    unsigned moved = 0;

    if (n < 0)
        return (int)io_result(n);
    do { /* of no messages too the descriptor is looked at */
        n = paid(world_here()->sendmmsg(fd, messages + moved, messages_len - moved,
                                        flags | MSG_DONTWAIT | MSG_NOSIGNAL));
        if (n > 0) {
            moved += (unsigned)n;
            finish_last(fd, &messages[moved - 1], flags);
        } else if (n == 0) {
            break;
        } else if (n == -EAGAIN) {
            n = wait_for_room(fd, flags);
        }
    } while (n >= 0 && moved < messages_len);
    /* Progress wins: the next call meets the error again. */
    return (int)(moved ? moved : io_result(n));
}

/* The time is looked at after each message, as Linux does. */
static bool is_over(const struct timespec *timeout, int64_t begun_ns)
{
    int64_t passed_ns;

    if (!timeout)
        return false;
    passed_ns = dure_now() - begun_ns;
    return passed_ns / DURE_SECOND >= timeout->tv_sec &&
           passed_ns - timeout->tv_sec * DURE_SECOND >= timeout->tv_nsec;
}

/* As many as are there; if none is, and the call waits, the first that comes. Returns how many, or
   -errno. */
static int64_t receive_some(int fd, struct mmsghdr *messages, unsigned len, int flags)
{
    int64_t n;

    flags &= ~MSG_WAITFORONE;
    n = paid(world_here()->recvmmsg(fd, messages, len, flags | MSG_DONTWAIT, NULL));
    if (n != -EAGAIN)
        return n;
    n = dure_recvmsg(fd, &messages->msg_hdr, flags);
    if (n < 0)
        return -errno;
    messages->msg_len = (unsigned)n;
    return 1;
}

int dure_recvmmsg(int fd, struct mmsghdr *messages, unsigned messages_len, int flags,
                  struct timespec *timeout)
{
    int64_t begun_ns = timeout ? dure_now() : 0, n;
    unsigned moved = 0;

    if (timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= DURE_SECOND))
        return (int)io_result(-EINVAL);
    n = io_entry_refused();
    if (n < 0)
        return (int)io_result(n);
    do {
        n = receive_some(fd, messages + moved, messages_len - moved, flags);
        if (n > 0)
            moved += (unsigned)n;
        if (n == 0 || (moved && ((flags & MSG_WAITFORONE) || is_over(timeout, begun_ns))))
            break;
    } while (n >= 0 && moved < messages_len);
    /* Progress wins: the next call meets the error again. */
    return (int)(moved ? moved : io_result(n));
}

/* The twins of select and pselect: a poll of what is in the sets. */
#include "posix/poll.h"

#include "loop/loop.h"

#include <dure/io.h>
#include <dure/time.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

/* The sets of a call. Words, as FD_SET refuses what is beyond FD_SETSIZE. */
enum { INPUT, OUTPUT, URGENT, SETS };

typedef unsigned long word;
#define WORD_BITS (8 * (int)sizeof(word))

struct sets {
    word *words[SETS]; /* the caller's; NULL: none */
    int len;           /* in bits */
};

/* What is polled for a set, and what then counts there. */
static const short asked[SETS] = { POLLIN, POLLOUT, POLLPRI };
static const short counts[SETS] = { POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI };

/* Linux looks at no more of the sets than its table has room for, and callers count on it: who passes
   the limit of descriptors as fds_len has sets that are far shorter. */
static int clip(int fds_len)
{
    int end = fds_len > FD_SETSIZE ? world_here()->numbers_end() : fds_len;

    return end < fds_len ? end : fds_len;
}

static bool is_in(const struct sets *sets, int set, int fd)
{
    const word *words = sets->words[set];

    return words && (words[fd / WORD_BITS] >> fd % WORD_BITS & 1);
}

static short events_of(const struct sets *sets, int fd)
{
    short events = 0;
    int set;

    for (set = 0; set < SETS; set++)
        if (is_in(sets, set, fd))
            events |= asked[set];
    return events;
}

static nfds_t count(const struct sets *sets)
{
    nfds_t len = 0;
    int fd;

    for (fd = 0; fd < sets->len; fd++)
        len += events_of(sets, fd) != 0;
    return len;
}

static void gather(const struct sets *sets, struct pollfd *fds)
{
    int fd;

    for (fd = 0; fd < sets->len; fd++)
        if (events_of(sets, fd))
            *fds++ = (struct pollfd){ .fd = fd, .events = events_of(sets, fd) };
}

/* How many sets want what has come of a descriptor. A write after a hang-up fails, and does not
   wait. */
static int wanted(struct pollfd *fd)
{
    int set, sum = 0;

    if ((fd->revents & POLLHUP) &&
        (world_here()->fcntl(fd->fd, F_GETFL, NULL) & O_ACCMODE) != O_RDONLY)
        fd->revents |= POLLOUT;
    for (set = 0; set < SETS; set++)
        sum += (fd->events & asked[set]) && (fd->revents & counts[set]);
    return sum;
}

/* Returns how many bits are to be set, -EBADF, or 0 if what came is what no set wants: an error or a
   hang-up where only urgent data is waited for, say. Who has that is left out from then on, as it
   would not let the others wait. */
static int64_t weigh(struct pollfd *fds, nfds_t len)
{
    int64_t sum = 0;
    nfds_t i;

    for (i = 0; i < len; i++) {
        if (fds[i].revents & POLLNVAL)
            return -EBADF;
        sum += wanted(&fds[i]);
    }
    for (i = 0; i < len && sum == 0; i++)
        if (fds[i].revents)
            fds[i].fd = -1;
    return sum;
}

/* Leaves in the sets what is ready. */
static void tell(const struct sets *sets, const struct pollfd *fds, nfds_t len)
{
    size_t bytes = (size_t)(sets->len + WORD_BITS - 1) / WORD_BITS * sizeof(word);
    nfds_t i;
    int set;

    for (set = 0; set < SETS; set++)
        if (sets->words[set])
            memset(sets->words[set], 0, bytes);
    for (i = 0; i < len; i++)
        for (set = 0; set < SETS; set++)
            if ((fds[i].events & asked[set]) && (fds[i].revents & counts[set]))
                sets->words[set][fds[i].fd / WORD_BITS] |= (word)1 << fds[i].fd % WORD_BITS;
}

static int64_t select_until(struct sets *sets, int64_t until_ns, const sigset_t *mask)
{
    struct pollfd *fds;
    int64_t result, sum;
    nfds_t len;

    sets->len = clip(sets->len);
    len = count(sets);
    fds = calloc(len + 1, sizeof *fds);
    if (!fds)
        return -ENOMEM;
    gather(sets, fds);
    do {
        result = poll_until(fds, len, until_ns, mask);
        sum = result > 0 ? weigh(fds, len) : result;
    } while (result > 0 && sum == 0);
    if (sum >= 0)
        tell(sets, fds, sum ? len : 0);
    free(fds);
    return sum;
}

/* Without a task or a scope a twin is the plain call. */
static bool is_plain(void)
{
    return !task_current() && !thread_has_scope();
}

int dure_pselect(int fds_len, fd_set *input, fd_set *output, fd_set *urgent,
                 const struct timespec *timeout, const sigset_t *mask)
{
    struct sets sets = { { (word *)input, (word *)output, (word *)urgent }, fds_len };
    int64_t until_ns, result;

    if (is_plain())
        return pselect(fds_len, input, output, urgent, timeout, mask);
    result = fds_len < 0 ? -EINVAL : poll_time(timeout, &until_ns);
    return (int)io_result(result < 0 ? result : select_until(&sets, until_ns, mask));
}

/* Microseconds beyond a second are carried over, as Linux does. Returns 0 or -EINVAL. */
static int64_t time_of(const struct timeval *timeout, int64_t *until_ns)
{
    struct timespec time;

    if (!timeout)
        return poll_time(NULL, until_ns);
    if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
        return -EINVAL;
    time.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
    time.tv_nsec = timeout->tv_usec % 1000000 * DURE_MICROSECOND;
    return poll_time(&time, until_ns);
}

static void leave_rest(struct timeval *timeout, int64_t until_ns)
{
    int64_t left_ns;

    if (!timeout || until_ns == 0 || until_ns == INT64_MAX)
        return;
    left_ns = until_ns - dure_now();
    if (left_ns < 0)
        left_ns = 0;
    timeout->tv_sec = left_ns / DURE_SECOND;
    timeout->tv_usec = left_ns % DURE_SECOND / DURE_MICROSECOND;
}

int dure_select(int fds_len, fd_set *input, fd_set *output, fd_set *urgent, struct timeval *timeout)
{
    struct sets sets = { { (word *)input, (word *)output, (word *)urgent }, fds_len };
    int64_t until_ns, result;

    if (is_plain())
        return select(fds_len, input, output, urgent, timeout);
    result = fds_len < 0 ? -EINVAL : time_of(timeout, &until_ns);
    if (result == 0) {
        result = select_until(&sets, until_ns, NULL);
        leave_rest(timeout, until_ns);
    }
    return (int)io_result(result);
}

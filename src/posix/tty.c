/* Twins on terminals. */
#include "loop/loop.h"

#include <dure/tty.h>
#include <errno.h>
#include <sys/ioctl.h>

struct setting {
    int fd;
    int actions;
    const struct termios *termios; /* NULL: none, only wait */
};

static int64_t set(void *arg)
{
    const struct setting *setting = arg;

    return setting->termios ? tcsetattr(setting->fd, setting->actions, setting->termios)
                            : tcdrain(setting->fd);
}

/* For a plain thread with a scope: 0 when nothing is left to send, -EAGAIN. What is no terminal is
   for the call itself to refuse. */
static int64_t sent(void *arg)
{
    const struct setting *setting = arg;
    int left = 0;

    return ioctl(setting->fd, TIOCOUTQ, &left) == 0 && left > 0 ? -EAGAIN : 0;
}

static int run(const char *what, struct setting *setting)
{
    int64_t ready = 0;

    if (!task_current() && thread_has_scope())
        ready = thread_ask(sent, setting);
    if (ready == 0)
        ready = offload_call(POOL_WAITS, what, setting->fd, set, setting);
    return (int)io_result(ready);
}

int dure_tcdrain(int fd)
{
    return run("tcdrain", &(struct setting){ .fd = fd });
}

int dure_tcsetattr(int fd, int actions, const struct termios *termios)
{
    if (actions == TCSANOW)
        return tcsetattr(fd, actions, termios);
    return run("tcsetattr", &(struct setting){ fd, actions, termios });
}

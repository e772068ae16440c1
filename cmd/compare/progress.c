/* What is said on standard error while dure compare measures. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/compare/progress.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX 200

void progress_init(struct progress *progress)
{
    *progress = (struct progress){ .terminal = isatty(STDERR_FILENO) != 0 };
}

static int columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

/* The last column stays free: some terminals begin a new line after it. */
static void show_line(const struct progress *progress, unsigned number, unsigned planned,
                      int64_t left_ns, const char *what)
{
    long left = (long)(left_ns > 0 ? left_ns / 1000000000 : 0);
    char head[80], tail[32];
    int head_len = snprintf(head, sizeof head, "%s %u/%u  ", progress->name, number, planned);
    int tail_len = snprintf(tail, sizeof tail, "  %ld:%02ld left", left / 60, left % 60);
    int room = columns() - 1 - head_len - tail_len;

    if (room < 0)
        room = 0;
    fprintf(stderr, "\r%s%-*.*s%s\033[K", head, room, room, what, tail);
}

void progress_show(struct progress *progress, unsigned number, unsigned planned, unsigned round,
                   unsigned rounds, int64_t left_ns, const char *what)
{
    if (progress->terminal) {
        show_line(progress, number, planned, left_ns, what);
    } else if (progress->round != round) {
        fprintf(stderr, "%s: round %u of %u, %u points in all, about %ld s left\n", progress->name,
                round, rounds, planned, (long)(left_ns > 0 ? left_ns / 1000000000 : 0));
        progress->round = round;
    }
    fflush(stderr);
}

void progress_clear(struct progress *progress)
{
    if (progress->terminal)
        fputs("\r\033[K", stderr);
    progress->round = 0;
    fflush(stderr);
}

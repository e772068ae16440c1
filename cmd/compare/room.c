/* How many processes and threads this machine has room for. */
#include "cmd/compare/room.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/compare/format.h"

/* What is left to everybody else. */
#define MARGIN 1000

/* Not with stdio: its buffers would be among the memory that is measured. */
static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

long room_read(const char *path, const char *key)
{
    const size_t len = strlen(key);
    char text[4096], *line = text;

    if (!read_text(path, text, sizeof text))
        return -1;
    while (line != NULL && strncmp(line, key, len) != 0) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return line != NULL && strcmp(line + len, "max\n") != 0 ? atol(line + len) : -1;
}

/* Returns: how many threads there are in the whole system. */
static long threads_now(void)
{
    FILE *file = fopen("/proc/loadavg", "re");
    long count = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %*s %*s %*d/%ld", &count) != 1)
        count = 0;
    fclose(file);
    return count;
}

/* A path such as 0::/user.slice/session, in a line of its own. */
static void read_group(char *path, size_t len)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[512];

    snprintf(path, len, "/sys/fs/cgroup");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "0::", 3) == 0) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(path, len, "/sys/fs/cgroup%s", line + 3);
        }
    fclose(file);
}

/* Returns: how many more the tightest of the control groups around allows, -1: any number. */
static long left_in_groups(void)
{
    char group[600], path[640], *slash;
    long left = -1, max, now;

    read_group(group, sizeof group);
    while (strcmp(group, "/sys/fs") != 0 && (slash = strrchr(group, '/')) != NULL) {
        snprintf(path, sizeof path, "%s/pids.max", group);
        max = room_read(path, "");
        snprintf(path, sizeof path, "%s/pids.current", group);
        now = room_read(path, "");
        if (max >= 0 && now >= 0 && (left < 0 || max - now < left))
            left = max > now ? max - now : 0;
        *slash = '\0';
    }
    return left;
}

static bool within(long count, long left, const char *name, long max, char *why, size_t len)
{
    if (max < 0 || count + MARGIN <= left)
        return true;
    snprintf(why, len, "no room for %s: %s is %s", shown_count((double)count).text, name,
             shown_count((double)max).text);
    return false;
}

bool room_for_memory(unsigned count, size_t bytes, char *why, size_t len)
{
    double want_mb = (double)count * (double)bytes / (1 << 20);
    double have_mb = (double)room_read("/proc/meminfo", "MemAvailable:") / (1 << 10);

    if (have_mb < 0 || want_mb <= have_mb / 2)
        return true;
    snprintf(why, len, "no room for %s: they might take %s MB, and %s MB are free",
             shown_count(count).text, shown_count(want_mb).text, shown_count(have_mb).text);
    return false;
}

bool room_for_threads(unsigned count, size_t bytes, char *why, size_t len)
{
    long now = threads_now(), ids = room_read("/proc/sys/kernel/pid_max", "");
    long threads = room_read("/proc/sys/kernel/threads-max", ""), group = left_in_groups();
    struct rlimit user = { RLIM_INFINITY, RLIM_INFINITY };
    long processes = -1;

    getrlimit(RLIMIT_NPROC, &user);
    if (user.rlim_cur != RLIM_INFINITY && geteuid() != 0)
        processes = (long)user.rlim_cur;
    return within((long)count, ids - now, "the number of process ids (kernel.pid_max)", ids, why,
                  len) &&
           within((long)count, threads - now, "kernel.threads-max", threads, why, len) &&
           within((long)count, processes - now, "RLIMIT_NPROC", processes, why, len) &&
           within((long)count, group, "what the control group has left (pids.max)", group, why,
                  len) &&
           room_for_memory(count, bytes, why, len);
}

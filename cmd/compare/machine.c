/* What the figures were measured on. What cannot be found out is left out. */
#include <dure.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cmd/compare/format.h"
#include "cmd/compare/machine.h"

/* Reads what stands behind a word and its separator in a file, up to the line's end.
   word: NULL for the file's first line. Returns: whether it is there. */
static bool read_after(const char *path, const char *word, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[8192]; /* the flags of a processor are many */
    bool found = false;

    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        const char *from = line;

        line[strcspn(line, "\n")] = '\0';
        if (word != NULL && strncmp(line, word, strlen(word)) != 0)
            continue;
        if (word != NULL)
            from += strlen(word) + strspn(line + strlen(word), "\t :=\"");
        found = snprintf(out, size, "%.*s", (int)strcspn(from, "\""), from) > 0;
    }
    fclose(file);
    return found;
}

/* A virtual machine's time is shared with those that one does not see. */
static void add_hypervisor(struct settings *machine)
{
    char flags[8192];

    if (read_after("/proc/cpuinfo", "flags", flags, sizeof flags) &&
        strstr(flags, " hypervisor") != NULL)
        settings_addf(machine, "virtual machine", "yes: its processors may be shared");
}

static void add_processor(struct settings *machine)
{
    struct utsname name;
    char model[256], governor[64];
    cpu_set_t allowed;

    uname(&name);
    if (read_after("/proc/cpuinfo", "model name", model, sizeof model) ||
        read_after("/proc/device-tree/model", NULL, model, sizeof model))
        settings_addf(machine, "processor", "%s (%s)", model, name.machine);
    else
        settings_addf(machine, "processor", "%s", name.machine);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        settings_addf(machine, "processors", "%d of %ld may be used", CPU_COUNT(&allowed),
                      sysconf(_SC_NPROCESSORS_ONLN));
    if (read_after("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", NULL, governor,
                   sizeof governor))
        settings_addf(machine, "frequency governor", "%s", governor);
    add_hypervisor(machine);
}

static void add_memory(struct settings *machine)
{
    struct sysinfo info;

    if (sysinfo(&info) == 0)
        settings_addf(machine, "memory", "%s, %s free",
                      shown(UNIT_BYTES, (double)info.totalram * info.mem_unit).text,
                      shown(UNIT_BYTES, (double)info.freeram * info.mem_unit).text);
}

static void add_system(struct settings *machine)
{
    struct utsname name;
    char pretty[128], libc[64];

    uname(&name);
    settings_addf(machine, "kernel", "%s %s", name.sysname, name.release);
    if (read_after("/etc/os-release", "PRETTY_NAME", pretty, sizeof pretty))
        settings_addf(machine, "system", "%s", pretty);
#ifdef _CS_GNU_LIBC_VERSION
    if (confstr(_CS_GNU_LIBC_VERSION, libc, sizeof libc) > 0)
        settings_addf(machine, "libc", "%s", libc);
#endif
}

static void add_build(struct settings *machine)
{
#ifdef __clang__
    settings_addf(machine, "compiler", "%s", __VERSION__);
#else
    settings_addf(machine, "compiler", "gcc %s", __VERSION__);
#endif
    settings_addf(machine, "dure", "%d.%d.%d%s", DURE_VERSION_MAJOR, DURE_VERSION_MINOR,
                  DURE_VERSION_PATCH,
#ifdef __OPTIMIZE__
                  ""
#else
                  ", not optimised: the figures are not those of a release"
#endif
    );
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void add_backends(struct settings *machine)
{
    static const char *const names[] = { "io_uring", "epoll", "poll", "select" };
    char works[64] = "";
    unsigned i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        dure_run_options options = { .loops = 1,
                                     .backend = names[i],
                                     .flags = DURE_NO_STOP_SIGNALS };

        if (dure_run_with(&options, nothing, NULL) < 0)
            continue;
        if (works[0] != '\0')
            strcat(works, ", ");
        strcat(works, names[i]);
    }
    settings_addf(machine, "dure's backends", "%s", works[0] != '\0' ? works : "none works here");
}

/* Returns: a limit as text. */
static struct shown limit_of(int resource)
{
    struct rlimit limit;
    struct shown none = { "unlimited" };

    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return none;
    return shown_count((double)limit.rlim_cur);
}

static void add_limits(struct settings *machine)
{
    char maps[32] = "?";

    read_after("/proc/sys/vm/max_map_count", NULL, maps, sizeof maps);
    settings_addf(machine, "limits", "%s descriptors, %s processes and threads, %s mappings",
                  limit_of(RLIMIT_NOFILE).text, limit_of(RLIMIT_NPROC).text,
                  shown_count(atof(maps)).text);
}

static void add_load(struct settings *machine, const char *when, const char *advice)
{
    double load[3];

    if (getloadavg(load, 3) == 3)
        settings_addf(machine, when, "%.2f %.2f %.2f%s", load[0], load[1], load[2],
                      load[0] > 0.5 * (double)sysconf(_SC_NPROCESSORS_ONLN) ? advice : "");
}

static void add_date(struct settings *machine)
{
    time_t now = time(NULL);
    struct tm local;
    char text[64];

    if (localtime_r(&now, &local) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M %Z", &local) > 0)
        settings_addf(machine, "date", "%s", text);
}

void machine_describe(struct settings *machine)
{
    add_date(machine);
    add_processor(machine);
    add_memory(machine);
    add_system(machine);
    add_build(machine);
    add_backends(machine);
    add_limits(machine);
    add_load(machine, "load before",
             ": others are at work, and the figures suffer; run it again when they have gone");
}

void machine_describe_after(struct settings *machine)
{
    add_load(machine, "load after", "");
}

void machine_raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

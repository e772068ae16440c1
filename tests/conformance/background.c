/* What tests of waiting calls share: amounts, turns, a call in the background. */
#include "waiting.h"

#include <dirent.h>

bool one_byte(void)
{
    const char *max = getenv("DURE_TRANSFER_MAX");

    return max && *max;
}

size_t amount(size_t wanted)
{
    return one_byte() && wanted > 3000 ? 3000 : wanted;
}

void one_turn(void)
{
    /* Whoever sleeps waits for a timer, which the loop fires after a look at the world. */
    dure_sleep_for(DURE_MILLISECOND);
}

void on_its_way(void)
{
    if (simulated())
        DURE_SHIELD(DURE_MINUTE)
    one_turn();
}

bool short_counts(void)
{
    return one_byte() || simulated();
}

/* --- a call in the background --- */

static int background_main(void *arg)
{
    struct background *b = *(struct background **)arg;

    atomic_store(&b->begun, true);
    errno = 0;
    b->result = b->fn(b->arg);
    b->error = errno;
    atomic_store(&b->done, true);
    return 0;
}

static int set_flag(void *arg)
{
    atomic_store(*(atomic_bool **)arg, true);
    return 0;
}

/* True if all threads but this one sleep: those of the pool have then begun what they wait in. */
static bool all_sleep(void)
{
    char path[64], line[256];
    bool sleep = true;
    struct dirent *entry;
    DIR *dir = opendir("/proc/self/task");
    FILE *file;

    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == gettid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", entry->d_name);
        file = fopen(path, "re");
        if (file && fgets(line, sizeof line, file) && strrchr(line, ')') &&
            strncmp(strrchr(line, ')'), ") S", 3) != 0)
            sleep = false;
        if (file)
            fclose(file);
    }
    closedir(dir);
    return sleep;
}

/* Tasks of one loop begin in order: when the second runs, the first waits. And a turn later the
   kernel has its wait. */
static void behind(dure_scope *scope, int place)
{
    dure_spawn_options options = { .place = place, .name = "probe" };
    atomic_bool there = false, *at = &there;
    int i;

    for (i = 0; i < 2; i++) {
        atomic_store(&there, false);
        CHECK_EQ(dure_spawn_with(scope, &options, set_flag, &at, sizeof at), 0);
        YIELD_UNTIL(atomic_load(&there));
        one_turn();
    }
    YIELD_UNTIL(all_sleep());
}

void background_start(struct background *b, dure_scope *scope, int place, int64_t (*fn)(void *arg),
                      void *arg)
{
    dure_spawn_options options = { .place = place, .name = "background" };

    *b = (struct background){ .fn = fn, .arg = arg };
    CHECK_EQ(dure_spawn_with(scope, &options, background_main, &b, sizeof b), 0);
    behind(scope, place);
    CHECK(atomic_load(&b->begun));
}

/* GLib's main loop owns the thread; dure's tasks run inside it.

   A GUI has a loop of its own that must not be blocked. dure's loop then is one
   more source of it: it polls one descriptor, asks for a time-out, and takes a
   turn whenever either is due. Below, a task counts in plain blocking code while
   a time-out of GLib's goes on ticking on the same thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#include <dure.h>

struct dure_source {
    GSource source;
    GMainLoop *main_loop;
    gpointer poll_tag;
};

static gboolean prepare(GSource *source, int *timeout_ms)
{
    int64_t wait_ns = dure_loop_wait_ns();

    (void)source;
    if (wait_ns < 0)
        *timeout_ms = -1;
    else /* rounded up: a turn taken too early would only be taken again */
        *timeout_ms = (int)((wait_ns + DURE_MILLISECOND - 1) / DURE_MILLISECOND);
    return wait_ns == 0;
}

static gboolean check(GSource *source)
{
    struct dure_source *dure = (struct dure_source *)source;

    return g_source_query_unix_fd(source, dure->poll_tag) != 0 || dure_loop_wait_ns() == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct dure_source *dure = (struct dure_source *)source;

    (void)callback;
    (void)data;
    if (dure_loop_turn())
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(dure->main_loop);
    return G_SOURCE_REMOVE;
}

static GSourceFuncs dure_source_functions = { .prepare = prepare,
                                              .check = check,
                                              .dispatch = dispatch };

static gboolean on_tick(gpointer data)
{
    (void)data;
    puts("GLib   tick");
    return G_SOURCE_CONTINUE;
}

static int count(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 5; i++) {
        if (dure_sleep_for(300 * DURE_MILLISECOND) < 0)
            return -1;
        printf("  dure %d\n", i);
    }
    return 0;
}

int main(void)
{
    GMainLoop *main_loop = g_main_loop_new(NULL, FALSE);
    struct dure_source *source;
    int result;

    if (dure_loop_open(NULL, count, NULL) < 0) {
        perror("glib: cannot start dure's loop");
        return EXIT_FAILURE;
    }
    source = (struct dure_source *)g_source_new(&dure_source_functions, sizeof *source);
    source->main_loop = main_loop;
    source->poll_tag = g_source_add_unix_fd(&source->source, dure_loop_fd(), G_IO_IN);
    g_source_attach(&source->source, NULL);
    g_timeout_add(200, on_tick, NULL);

    g_main_loop_run(main_loop);

    result = dure_loop_close();
    g_source_unref(&source->source);
    g_main_loop_unref(main_loop);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The library's own properties, in as many worlds as there are seeds: see --help's list, and
   `make sim`. A seed that fails can be replayed. */
#include "properties.h"

static void (*const properties[])(void) = {
    scopes_end_all_their_tasks,
    limits_are_kept,
    sleeps_are_never_early,
    shields_let_clean_up_finish,
    mutexes_exclude_and_lose_nobody,
    every_item_arrives_once,
    futures_tell_all,
    operations_are_told_once,
    canceled_transfers_lose_no_byte,
    close_ends_every_wait,
    polls_see_what_is_there,
    descriptors_travel_and_live,
    messages_stay_whole,
    counters_lose_nothing,
    timers_are_never_early,
    hosts_are_found_by_name,
    crash_leaves_a_path_to_nobody,
    echoes_are_whole,
    servers_survive_shortage,
    synced_records_survive,
    synced_names_survive,
    file_locks_exclude,
#if HAVE_SERVE
    serve_survives_broken_clients,
#endif
};

static int world(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        properties[i]();
    if (world_failures == 0)
        return 0;
    return dure_fail(EPROTO, "%u checks failed", world_failures);
}

int main(int argc, char **argv)
{
    static const dure_sim_options options = { .turns_max = 20000000,
                                              .sync_error_ppm = 50000,
                                              .disk_short_ppm = 125000,
                                              .disk_error_ppm = 20000 };

    return dure_sim_main(argc, argv, &options, world, NULL);
}

/* The library's own properties, each a function that is run once in each world. */
#ifndef PROPERTIES_H
#define PROPERTIES_H

#include "world.h"

/* of_tasks.c */
void scopes_end_all_their_tasks(void);
void limits_are_kept(void);
void sleeps_are_never_early(void);
void shields_let_clean_up_finish(void);
void mutexes_exclude_and_lose_nobody(void);

/* of_choices.c */
void every_item_arrives_once(void);
void futures_tell_all(void);

/* of_operations.c */
void operations_are_told_once(void);

/* of_bytes.c */
void canceled_transfers_lose_no_byte(void);
void close_ends_every_wait(void);
void polls_see_what_is_there(void);

/* of_local.c */
void descriptors_travel_and_live(void);
void messages_stay_whole(void);
void counters_lose_nothing(void);
void timers_are_never_early(void);

/* of_names.c */
void hosts_are_found_by_name(void);
void crash_leaves_a_path_to_nobody(void);

/* of_hosts.c */
void echoes_are_whole(void);
void servers_survive_shortage(void);

/* of_disks.c */
void synced_records_survive(void);
void synced_names_survive(void);
void file_locks_exclude(void);

/* of_serve.c */
void serve_survives_broken_clients(void);

#endif

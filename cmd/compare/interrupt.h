/* How Ctrl-C ends dure compare; compare_interrupted (compare.h) tells. */
#ifndef CMD_COMPARE_INTERRUPT_H
#define CMD_COMPARE_INTERRUPT_H

/* From now on the first SIGINT or SIGTERM is noted, and a second one ends the process. SIGPIPE is
   ignored: a peer that is gone is an error of write. */
void interrupt_watch(void);

#endif

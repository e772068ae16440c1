/* Which processors a measurement uses. */
#ifndef CMD_COMPARE_PROCESSORS_H
#define CMD_COMPARE_PROCESSORS_H

/* Chooses processors that this process may use: each on a core of its own as far as there are such,
   and the first (which serves most interrupts) last.
   Returns: how many were found, at most max. */
unsigned processors_choose(int *processors, unsigned max);

/* Binds the calling thread, and the threads that it makes from now on, to a processor; a negative
   one changes nothing. */
void processors_bind(int processor);

#endif

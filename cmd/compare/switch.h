/* What processes, threads and tasks cost: to hand over to the next, to make and end one, to let one
   wait. Each measurement is a process of its own, bound to one processor. */
#ifndef CMD_COMPARE_SWITCH_H
#define CMD_COMPARE_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct switch_kind;

/* What is to be measured. */
struct switch_order {
    const struct switch_kind *kind;
    unsigned count;   /* how many there are besides the one that measures */
    int64_t slice_ns; /* about so long it may take */
    int processor;
};

struct switch_result {
    char why[160];       /* if it was refused; else empty */
    double switch_ns;    /* CPU time of one handing over to the next */
    double spawn_ns;     /* of making one and waiting for its end */
    double parked_bytes; /* memory of one that waits, the kernel's stacks not among it */
};

/* What can be switched: a file each. */
struct switch_kind {
    const char *name;  /* the series in the reports */
    bool kernel_stack; /* each has a stack in the kernel */
    size_t bytes_max;  /* as in room.h */
    bool of_kernel;    /* they count against the kernel's limits (room_for_threads) */
    /* Measures, within about the slice: half of it for the spawning, half for the rest; the first
       of what takes longer is measured all the same. Returns: 0, or -1 with words in why. */
    int (*measure)(const struct switch_order *order, struct switch_result *result);
};

/* In the order of the reports, up to a NULL. */
extern const struct switch_kind *const switch_kinds[];

extern const struct switch_kind switch_processes, switch_threads, switch_tasks,
    switch_tasks_yielding;

/* The work of child_run, with a switch_order and a switch_result. Returns: 0. */
int switch_measure(const void *order, void *result);

/* Says why something could not be measured. The text follows printf. Returns: -1. */
int switch_refuse(struct switch_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns: the bytes of memory and page tables that a process has: its own pages, and its part of
   those that it shares. pid: 0 is the caller's. */
double switch_footprint(int pid);

/* Returns: the CPU time of this process. */
int64_t switch_cpu_ns(void);

/* Returns: CLOCK_MONOTONIC. */
int64_t switch_now_ns(void);

/* Measures in a child what one thread of the kernel's takes for its stack, to a power of two.
   Returns: its bytes, or 0 if they cannot be told. */
double switch_kernel_stack(void);

#endif

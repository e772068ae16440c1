/* Where stacks come from: slabs of address space, one size class each, cut into stacks with a guard
   page at the low end. Nothing is ever returned; stack.c keeps what is not in use. */
#ifndef DURE_SRC_TASK_SLAB_H
#define DURE_SRC_TASK_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A size class is a power of two, named by its exponent: 16 KiB to 64 MiB. */
#define SLAB_BITS_MIN 14u
#define SLAB_BITS_MAX 26u
#define SLAB_CLASSES (SLAB_BITS_MAX - SLAB_BITS_MIN + 1)

/* Cuts up to wanted new stacks of 1 << bits bytes. Returns how many (at least 1), with their lowest
   addresses, aligned to their size, in bases; or -EAGAIN or -ENOMEM with the reason in *why.
   The caller sees to it that one thread at a time is in here. */
int slab_carve(unsigned bits, bool guarded, uintptr_t *bases, int wanted, const char **why);

/* Finds the stack that the address lies in: its lowest address, 0 for none. Async-signal-safe. */
uintptr_t slab_find(uintptr_t address, unsigned *bits, bool *guarded);

#endif

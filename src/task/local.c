/* Values of a task or a thread. A key is a number, counted up as keys are first set, and a place in
   the table of each flow that has set one. */
#include "task/scope.h"

#include <dure/local.h>
#include <dure/task.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct local {
    void (*destroy)(void *value);
    /* From 1; 0: never set. Relaxed: who has set a value by it has seen it. */
    _Atomic uint64_t number;
};
_Static_assert(sizeof(struct local) <= sizeof(dure_local), "the public key is too small");

/* As long as the greatest number that it was used with; programs have some dozens of keys. */
struct locals {
    size_t len;
    struct {
        const struct local *key; /* NULL: never set */
        void *value;
    } slots[];
};

static inline void **find(struct flow *flow, uint64_t number)
{
    struct locals *locals = flow->locals;

    /* A number of 0 lies beyond every table. */
    return locals && number - 1 < locals->len ? &locals->slots[number - 1].value : NULL;
}

void *dure_local_get(const dure_local *key)
{
    struct flow *flow = flow_current();
    void **value = NULL;

    if (likely(flow != NULL))
        value = find(flow, LOAD(((const struct local *)(const void *)key)->number));
    return value ? *value : NULL;
}

static uint64_t number_of(struct local *key)
{
    static _Atomic uint64_t last;
    uint64_t number = LOAD(key->number), ours;

    if (likely(number))
        return number;
    ours = 1 + atomic_fetch_add_explicit(&last, 1, memory_order_relaxed);
    if (atomic_compare_exchange_strong_explicit(&key->number, &number, ours, memory_order_relaxed,
                                                memory_order_relaxed))
        return ours;
    return number; /* somebody was faster; ours stays unused */
}

/* Makes room up to that number. */
static bool grow(struct flow *flow, uint64_t number)
{
    size_t old = flow->locals ? flow->locals->len : 0, len = (number + 3) & ~(size_t)3;
    struct locals *locals = realloc(flow->locals, sizeof *locals + len * sizeof locals->slots[0]);

    if (!locals)
        return false;
    memset(&locals->slots[old], 0, (len - old) * sizeof locals->slots[0]);
    locals->len = len;
    flow->locals = locals;
    return true;
}

int dure_local_set(dure_local *public_key, void *value)
{
    struct local *key = (struct local *)(void *)public_key;
    struct flow *flow = flow_current();
    uint64_t number;

    if (unlikely(!flow)) {
        errno = ENOMEM;
        return -1;
    }
    number = number_of(key);
    if (unlikely(!find(flow, number))) {
        if (!value)
            return 0;
        if (!grow(flow, number)) {
            errno = ENOMEM;
            return -1;
        }
    }
    flow->locals->slots[number - 1].key = key;
    flow->locals->slots[number - 1].value = value;
    return 0;
}

/* Returns true if a destructor was called, which may have set values anew. */
static bool destroy_all(struct flow *flow)
{
    bool called = false;
    size_t i;

    for (i = 0; i < flow->locals->len; i++) { /* each time: the table may have grown */
        void *value = flow->locals->slots[i].value;

        if (!value)
            continue;
        flow->locals->slots[i].value = NULL;
        if (!flow->locals->slots[i].key->destroy)
            continue;
        flow->locals->slots[i].key->destroy(value);
        called = true;
    }
    return called;
}

void flow_end_locals(struct flow *flow)
{
    const struct scope *open = flow->innermost;
    char *why = flow->why; /* the words of its failure, which they are not to replace */
    int round;

    flow->why = NULL;
    for (round = 0; round < DURE_LOCAL_ROUNDS && destroy_all(flow); round++)
        ;
    if (flow->innermost != open)
        die("task \"%s\": the destructor of a local value left a scope open", dure_task_name());
    free(flow->why);
    flow->why = why;
    free(flow->locals);
    flow->locals = NULL;
}

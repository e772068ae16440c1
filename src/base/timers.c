#include "base/timers.h"

#include "base/assert.h"

/* 16.4 us a tick: the lowest level then spans 1 ms. A shorter tick means more moves between
   levels for the usual time-outs of seconds, a longer one longer lists to sort before firing. */
#define TICK_SHIFT 14
#define LEVEL_SHIFT 6
#define SLOT_MASK (TIMERS_SLOTS - 1)

/* timer->level is the wheel's level + 1, or: */
#define LEVEL_DUE 0xff

/* So many timers of one slot are looked at to find the earliest; beyond, a wake-up that is too
   early costs less than the search. */
#define SEARCH_MAX 64

static struct timer *timer_of(struct list *node)
{
    return container_of(node, struct timer, link);
}

void timers_init(struct timers *timers, int64_t now_ns)
{
    unsigned level, slot;

    ASSERT(now_ns >= 0);
    *timers = (struct timers){
        .tick = now_ns >> TICK_SHIFT,
        .next_ns = INT64_MAX,
        .next_known = true,
    };
    list_init(&timers->due);
    for (level = 0; level < TIMERS_LEVELS; level++)
        for (slot = 0; slot < TIMERS_SLOTS; slot++)
            list_init(&timers->slots[level][slot]);
}

/* Puts a timer where it belongs, seen from the wheel's tick. */
static void place(struct timers *timers, struct timer *timer)
{
    int64_t tick = timer->at_ns >> TICK_SHIFT;
    unsigned level, slot;

    if (tick < timers->tick)
        tick = timers->tick; /* late: in the slot that is looked at first */
    /* The highest bit that differs; | 1 gives level 0 when none does. */
    level = (63 - (unsigned)__builtin_clzll((uint64_t)(tick ^ timers->tick) | 1)) / LEVEL_SHIFT;
    slot = (unsigned)(tick >> (level * LEVEL_SHIFT)) & SLOT_MASK;
    timer->level = (uint8_t)(level + 1);
    timer->slot = (uint8_t)slot;
    list_push_back(&timers->slots[level][slot], &timer->link);
    timers->occupied[level] |= UINT64_C(1) << slot;
    timers->levels |= (uint16_t)(1u << level);
}

static void mark_empty(struct timers *timers, unsigned level, unsigned slot)
{
    timers->occupied[level] &= ~(UINT64_C(1) << slot);
    if (timers->occupied[level] == 0)
        timers->levels ^= (uint16_t)(1u << level);
}

void timers_add(struct timers *timers, struct timer *timer)
{
    ASSERT(timer->level == TIMER_IDLE);
    ASSERT(timer->fire);
    place(timers, timer);
    timers->count++;
    if (timer->at_ns <= timers->next_ns) {
        timers->next_ns = timer->at_ns;
        timers->next_known = true;
    }
}

void timers_remove(struct timers *timers, struct timer *timer)
{
    bool last;

    if (timer->level == TIMER_IDLE)
        return;
    ASSERT(timers->count > 0);
    last = timer->link.next == timer->link.prev; /* both the slot's head */
    list_remove(&timer->link);
    timers->count--;
    if (timer->level != LEVEL_DUE) {
        if (last)
            mark_empty(timers, timer->level - 1u, timer->slot);
        if (last || timer->at_ns == timers->next_ns)
            timers->next_known = false;
    }
    timer->level = TIMER_IDLE;
}

/* The earliest occupied slot: the first one of the lowest level, because a level lies inside one
   slot of the level above, and before all that is occupied there. Returns its first tick. */
static int64_t earliest_slot(const struct timers *timers, unsigned *level, unsigned *slot)
{
    unsigned shift;

    ASSERT(timers->levels != 0);
    *level = (unsigned)__builtin_ctz(timers->levels);
    *slot = (unsigned)__builtin_ctzll(timers->occupied[*level]);
    shift = *level * LEVEL_SHIFT;
    return (timers->tick >> (shift + LEVEL_SHIFT) << (shift + LEVEL_SHIFT)) |
           ((int64_t)*slot << shift);
}

/* Finds next_ns again after the earliest timer left. */
static void find_next(struct timers *timers)
{
    unsigned level, slot, seen = 0;
    struct list *head, *node;
    int64_t start;

    timers->next_known = true;
    timers->next_ns = INT64_MAX;
    if (timers->levels == 0)
        return;
    start = earliest_slot(timers, &level, &slot);
    head = &timers->slots[level][slot];
    for (node = head->next; node != head; node = node->next) {
        /* On the lowest level the answer must be exact: with the slot's start, which may have
           passed, a simulated clock that moves from timer to timer would stand still. */
        if (++seen > SEARCH_MAX && level > 0) {
            timers->next_ns = start << TICK_SHIFT;
            return;
        }
        if (timer_of(node)->at_ns < timers->next_ns)
            timers->next_ns = timer_of(node)->at_ns;
    }
}

int64_t timers_next(struct timers *timers)
{
    if (!timers->next_known)
        find_next(timers);
    return timers->next_ns;
}

/* Merges two lists linked by next and ended by NULL; of equals, those of a come first. */
static struct list *merge(struct list *a, struct list *b)
{
    struct list *first = NULL, **tail = &first;

    while (a && b) {
        struct list **from = timer_of(b)->at_ns < timer_of(a)->at_ns ? &b : &a;

        *tail = *from;
        tail = &(*from)->next;
        *from = *tail;
    }
    *tail = a ? a : b;
    return first;
}

static bool sorted(const struct list *head)
{
    struct list *node;

    for (node = head->next; node->next != head; node = node->next)
        if (timer_of(node->next)->at_ns < timer_of(node)->at_ns)
            return false;
    return true;
}

/* Sorts a list that is not empty by at_ns; equals keep their order. A merge sort from the bottom
   up: runs[n] is empty or a sorted run of 2^n timers that stood before those of the lower ones. */
static void sort(struct list *head)
{
    struct list *runs[64] = { NULL }, *node, *next, *run;
    unsigned n, used = 0;

    if (sorted(head))
        return;
    head->prev->next = NULL;
    for (node = head->next; node; node = next) {
        next = node->next;
        node->next = NULL;
        run = node;
        for (n = 0; runs[n]; n++) {
            run = merge(runs[n], run);
            runs[n] = NULL;
        }
        runs[n] = run;
        if (n >= used)
            used = n + 1;
    }
    run = NULL;
    for (n = 0; n < used; n++)
        run = merge(runs[n], run);
    list_init(head);
    for (node = run; node; node = next) {
        next = node->next;
        list_push_back(head, node);
    }
}

/* Moves a slot's timers to a list of their own, in their order. */
static void empty_slot(struct timers *timers, unsigned level, unsigned slot, struct list *out)
{
    struct list *head = &timers->slots[level][slot];

    ASSERT(!list_empty(head));
    *out = *head;
    out->next->prev = out;
    out->prev->next = out;
    list_init(head);
    mark_empty(timers, level, slot);
}

/* Takes the timers that lie in the wheel's own tick: those that are due to the list of due ones,
   the others back. */
static void take_due(struct timers *timers, struct list *list, int64_t now_ns)
{
    struct list *node;

    sort(list);
    while ((node = list_pop_front(list)) != NULL) {
        struct timer *timer = timer_of(node);

        if (timer->at_ns <= now_ns) {
            timer->level = LEVEL_DUE;
            list_push_back(&timers->due, node);
        } else {
            place(timers, timer);
        }
    }
}

/* Turns the wheel to now_ns and collects what is due on the way. */
static void turn(struct timers *timers, int64_t now_ns)
{
    int64_t now = now_ns >> TICK_SHIFT, start;
    struct list list, *node;
    unsigned level, slot;

    if (now < timers->tick)
        now = timers->tick; /* the caller's clock went back; the wheel never does */
    while (timers->levels != 0) {
        start = earliest_slot(timers, &level, &slot);
        if (start > now)
            break;
        timers->tick = start;
        empty_slot(timers, level, slot, &list);
        if (level == 0) {
            take_due(timers, &list, now_ns);
            if (start == now)
                break; /* what is left in this tick is not due yet, all the rest is later */
        } else {
            while ((node = list_pop_front(&list)) != NULL)
                place(timers, timer_of(node));
        }
    }
    timers->tick = now;
}

size_t timers_fire(struct timers *timers, int64_t now_ns)
{
    struct list *node;
    size_t fired = 0;

    ASSERT(list_empty(&timers->due));
    if (now_ns < timers->next_ns)
        return 0;
    turn(timers, now_ns);
    find_next(timers);
    while ((node = list_pop_front(&timers->due)) != NULL) {
        struct timer *timer = timer_of(node);

        timer->level = TIMER_IDLE;
        timers->count--;
        fired++;
        timer->fire(timer); /* may free it */
    }
    return fired;
}

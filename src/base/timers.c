#include "base/timers.h"

#include "base/assert.h"

/* 16.4 us a tick: a shorter one means more moves between levels for the usual time-outs of
   seconds, a longer one longer lists to sort before firing. */
#define TICK_SHIFT 14
#define TICK_NS (INT64_C(1) << TICK_SHIFT)
#define LEVEL_SHIFT 5 /* a slot is as wide as half the ring of the level below */
#define SLOT_MASK (TIMERS_SLOTS - 1)

/* timer->level is the wheel's level + 1, or: */
#define LEVEL_DUE 0xff

/* So many timers of one slot are looked at to find the earliest; beyond, a wake-up that is too
   early costs less than the search. And to find the place of one that is added to the wheel's own
   tick, which is in order; beyond, it is put in order again. */
#define SEARCH_MAX 64

/* Where things lie. `tick >> shift` numbers the slots of a level from the beginning of time. A
   timer goes to the lowest level on which it lies in the wheel's own stretch of 32 slots (one slot
   of the level above) or in the next one. As the wheel turns that level only sinks, hence:

   1. Above level 0 the wheel's own slot is empty, and nothing is added to the next one: what
      belongs there goes to the level below. So the next one can be emptied bit by bit, to exactly
      the level below, while the wheel crosses its own.
   2. Of the timers of one tick, those on a higher level were added earlier. Moving them from the
      back of their slot to the front of the lower one keeps all in the order of adding.

   How much one call moves. A slot of n timers, w ticks wide, is the next one for w ticks. If it
   has more than TIMERS_STEP, timers_next asks for n / TIMERS_STEP calls (rounded down) at equal
   distances before the wheel enters it, and each moves TIMERS_STEP, so that at most as many are
   left for the entry. If the distance were less than a tick, it asks for a call in each tick, and
   each moves an equal share, n / w + 1: about what will come due in each tick of that slot. What
   comes down into the slot meanwhile, when it is the first in its own parent, is shared out anew
   over the ticks left: it came in 32 times as long, so that a share grows by n / 32w times ln w,
   less than as much again. Let M be the larger of TIMERS_STEP and 2n / w + 1, of any slot.

   A call that comes when it was asked for, or before, thus moves at most M timers ahead from each of
   k levels. When slots of k levels begin right then, M more may be left in each, and go down
   through all levels below: M (k (k + 1) / 2 + k) in all, k being 4 for a minute. A call that comes
   later by less than the distance of the steps moves no more; later still, it also moves what lies
   in the slots that it has missed. */

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

/* The number of the slot of a level in which a tick lies. */
static int64_t number_of(int64_t tick, unsigned level)
{
    return tick >> (level * LEVEL_SHIFT);
}

static int64_t start_of(int64_t number, unsigned level)
{
    return number * (INT64_C(1) << (level * LEVEL_SHIFT));
}

/* The lowest level on which a tick is at most one stretch ahead of the wheel. */
static unsigned level_of(const struct timers *timers, int64_t tick)
{
    uint64_t distance = (uint64_t)(tick - timers->tick);
    unsigned level = (63 - (unsigned)__builtin_clzll(distance | 1)) / LEVEL_SHIFT;

    /* By its distance it is sure of this level, and two below it would be too far. */
    return level - (level > 0) * (number_of(tick, level) - number_of(timers->tick, level) <= 1);
}

/* Counts a timer that is about to lie in a slot. Returns the slot. */
static struct list *enter(struct timers *timers, struct timer *timer, unsigned level, int64_t tick)
{
    unsigned slot = (unsigned)number_of(tick, level) & SLOT_MASK;

    timer->level = (uint8_t)(level + 1);
    timer->slot = (uint8_t)slot;
    timers->lengths[level][slot]++;
    timers->occupied[level] |= UINT64_C(1) << slot;
    timers->levels |= (uint16_t)(1u << level);
    return &timers->slots[level][slot];
}

/* Counts timers out of a slot. Returns how many are left. */
static size_t leave(struct timers *timers, unsigned level, unsigned slot, size_t count)
{
    ASSERT(timers->lengths[level][slot] >= count);
    timers->lengths[level][slot] -= count;
    if (timers->lengths[level][slot] == 0) {
        timers->occupied[level] &= ~(UINT64_C(1) << slot);
        if (timers->occupied[level] == 0)
            timers->levels ^= (uint16_t)(1u << level);
    }
    return timers->lengths[level][slot];
}

/* When the next step of emptying a large slot is due: the first as soon as it is the next one. */
static int64_t step_ns(const struct timers *timers, unsigned level, int64_t number)
{
    int64_t first = start_of(number - 1, level), left = start_of(number, level) - timers->tick;
    size_t length = timers->lengths[level][number & SLOT_MASK];

    if (first <= timers->tick) {
        left /= (int64_t)(length / TIMERS_STEP) + 1;
        first = timers->tick + (left ? left : 1);
    }
    return first * TICK_NS;
}

/* Puts a timer into the wheel's own tick, in its order if that is not far to seek. */
static __attribute__((noinline)) void insert(struct timers *timers, struct timer *timer,
                                             struct list *head)
{
    struct list *at = head->prev;
    unsigned n;

    timers->in_order |= list_empty(head);
    if (timers->in_order && at != head && timer->at_ns < timer_of(head->next)->at_ns) {
        list_push_front(head, &timer->link);
        return;
    }
    for (n = 0; timers->in_order && at != head && timer_of(at)->at_ns > timer->at_ns; n++) {
        at = at->prev;
        timers->in_order = n < SEARCH_MAX;
    }
    if (!timers->in_order)
        at = head->prev;
    list_push_front(at, &timer->link); /* right after `at` */
}

/* Puts a timer where it belongs, seen from the wheel's tick. */
static void place(struct timers *timers, struct timer *timer)
{
    int64_t tick = timer->at_ns >> TICK_SHIFT, step;
    struct list *head;
    unsigned level;

    if (tick < timers->tick)
        tick = timers->tick; /* late: in the slot that is looked at first */
    level = level_of(timers, tick);
    head = enter(timers, timer, level, tick);
    if (unlikely(tick == timers->tick))
        insert(timers, timer, head);
    else
        list_push_back(head, &timer->link);
    if (unlikely(timers->lengths[level][timer->slot] == TIMERS_STEP + 1) && level > 0) {
        step = step_ns(timers, level, number_of(tick, level)); /* the slot has become large */
        if (step < timers->next_ns)
            timers->next_ns = step;
    }
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
    size_t left;

    if (timer->level == TIMER_IDLE)
        return;
    ASSERT(timers->count > 0);
    list_remove(&timer->link);
    timers->count--;
    if (timer->level != LEVEL_DUE) {
        left = leave(timers, timer->level - 1u, timer->slot, 1);
        /* A slot that is gone, or now small enough to be searched, may have made next_ns early. */
        if (left == 0 || left == SEARCH_MAX || timer->at_ns == timers->next_ns)
            timers->next_known = false;
    }
    timer->level = TIMER_IDLE;
}

/* The number of the first occupied slot of a level; there is one. */
static int64_t first_number(const struct timers *timers, unsigned level)
{
    int64_t number = number_of(timers->tick, level);
    unsigned turn = (unsigned)number & SLOT_MASK;
    uint64_t ahead = timers->occupied[level];

    ASSERT(ahead != 0);
    ahead = ahead >> turn | ahead << (-turn & SLOT_MASK);
    return number + __builtin_ctzll(ahead);
}

/* The slot whose beginning the wheel reaches first, of several the one of the highest level: what
   moves down from it comes into the others. Returns its first tick; INT64_MAX: nothing is there. */
static int64_t earliest_slot(const struct timers *timers, unsigned *level)
{
    int64_t earliest = INT64_MAX, start;
    unsigned levels, n;

    for (levels = timers->levels; levels != 0; levels &= levels - 1) {
        n = (unsigned)__builtin_ctz(levels);
        start = start_of(first_number(timers, n), n);
        if (start <= earliest) {
            earliest = start;
            *level = n;
        }
    }
    return earliest;
}

/* The time of a slot's earliest timer; its beginning, if those are too many to look at. */
static int64_t slot_next_ns(struct timers *timers, unsigned level, int64_t number)
{
    unsigned slot = (unsigned)number & SLOT_MASK;
    struct list *head = &timers->slots[level][slot], *node;
    size_t length = timers->lengths[level][slot];
    int64_t next_ns = INT64_MAX;

    bool own = level == 0 && number == timers->tick;

    if (own && timers->in_order)
        return timer_of(head->next)->at_ns;
    /* In the wheel's own tick the answer must be exact: with the slot's start, which has passed, a
       simulated clock that moves from timer to timer would stand still. */
    if (length > SEARCH_MAX && !own)
        return start_of(number, level) * TICK_NS;
    for (node = head->next; node != head; node = node->next)
        if (timer_of(node)->at_ns < next_ns)
            next_ns = timer_of(node)->at_ns;
    return next_ns;
}

/* When something is to be done about a level, if before next_ns: a timer is due, or a step. The slot
   after the first counts too: its steps may begin before the first one's timers. */
static int64_t level_next_ns(struct timers *timers, unsigned level, int64_t next_ns)
{
    int64_t number = first_number(timers, level), n, then;

    if (start_of(number, level) <= next_ns >> TICK_SHIFT) {
        then = slot_next_ns(timers, level, number);
        next_ns = then < next_ns ? then : next_ns;
    }
    for (n = number; level > 0 && n <= number + 1; n++) {
        if (timers->lengths[level][n & SLOT_MASK] <= TIMERS_STEP)
            continue;
        then = step_ns(timers, level, n);
        next_ns = then < next_ns ? then : next_ns;
    }
    return next_ns;
}

/* Finds next_ns again. */
static void find_next(struct timers *timers)
{
    int64_t next_ns = INT64_MAX;
    unsigned levels;

    for (levels = timers->levels; levels != 0; levels &= levels - 1)
        next_ns = level_next_ns(timers, (unsigned)__builtin_ctz(levels), next_ns);
    timers->next_ns = next_ns;
    timers->next_known = true;
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

/* Moves at most max timers of a slot to the level below, from the back to the front: see 2. */
static void move_down(struct timers *timers, unsigned level, unsigned slot, size_t max)
{
    struct list *head = &timers->slots[level][slot], *node;
    struct timer *timer;
    size_t n;

    for (n = 0; n < max && (node = head->prev) != head; n++) {
        timer = timer_of(node);
        list_remove(node);
        list_push_front(enter(timers, timer, level - 1, timer->at_ns >> TICK_SHIFT), node);
    }
    leave(timers, level, slot, n);
    timers->moved += n;
}

/* Takes the timers that lie in the wheel's own tick: those that are due to the list of due ones,
   the others back. */
static void take_due(struct timers *timers, int64_t now_ns)
{
    unsigned slot = (unsigned)timers->tick & SLOT_MASK;
    struct list *head = &timers->slots[0][slot], *node;
    struct timer *timer;
    size_t n;

    if (!timers->in_order)
        sort(head);
    timers->in_order = true;
    for (n = 0; (node = head->next) != head; n++) {
        timer = timer_of(node);
        if (timer->at_ns > now_ns)
            break;
        timer->level = LEVEL_DUE;
        list_remove(node);
        list_push_back(&timers->due, node);
    }
    leave(timers, 0, slot, n);
}

/* Turns the wheel to `now` and collects what is due on the way. */
static void turn(struct timers *timers, int64_t now, int64_t now_ns)
{
    int64_t start;
    unsigned level = 0;

    while ((start = earliest_slot(timers, &level)) <= now) {
        timers->in_order &= level == 0 && start == timers->tick;
        timers->tick = start;
        if (level > 0) {
            move_down(timers, level, (unsigned)number_of(start, level) & SLOT_MASK, SIZE_MAX);
            continue;
        }
        take_due(timers, now_ns);
        if (start == now)
            break; /* what is left in this tick is not due yet, all the rest is later */
    }
    timers->in_order &= now == timers->tick;
    timers->tick = now;
}

/* A step of emptying the next slot of each level before the wheel enters it. */
static void move_ahead(struct timers *timers)
{
    unsigned levels, level, slot;
    size_t share, length;
    int64_t next;

    for (levels = timers->levels & ~1u; levels != 0; levels &= levels - 1) {
        level = (unsigned)__builtin_ctz(levels);
        next = number_of(timers->tick, level) + 1;
        slot = (unsigned)next & SLOT_MASK;
        length = timers->lengths[level][slot];
        if (length == 0)
            continue;
        share = length / (size_t)(start_of(next, level) - timers->tick) + 1;
        move_down(timers, level, slot, share > TIMERS_STEP ? share : TIMERS_STEP);
    }
}

size_t timers_fire(struct timers *timers, int64_t now_ns)
{
    int64_t now = now_ns >> TICK_SHIFT;
    struct list *node;
    size_t fired = 0;

    ASSERT(list_empty(&timers->due));
    if (now_ns < timers->next_ns)
        return 0;
    /* The caller's clock may go back; the wheel never does. */
    turn(timers, now > timers->tick ? now : timers->tick, now_ns);
    move_ahead(timers);
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

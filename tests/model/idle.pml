/* Loops that have nothing to do, and tasks that have not started (src/task/steal.c, become_idle and
   its like in src/loop/loop.c). One loop spawns some and is busy from then on; each of the others
   starts what it takes, and each task keeps its loop busy until all have started. A message may wake
   some loops (BUSY) for something else, which keeps them busy as long. (Left out: the offers that a loop
   skips after fruitless ones, and the other things that it may do before it starts what it took.
   Both put help off.)

   Says: no loop sleeps on while a task waits to be started. With LOOKS_FIRST a loop says that it is
   idle after its last look; with ASKS_ONCE who wants to wake a loop that woke by itself asks no
   other; with KEEPS_QUIET whoever has found something does not pass on that there is more; with
   SEARCHES_ONCE whoever has found nothing does not look again though tasks were left to it. */
#ifndef TASKS
#define TASKS 2
#endif
#ifndef BUSY
#define BUSY 0
#endif
#define LOOPS (TASKS + BUSY) /* besides the one that spawns */
#define SPAWNER LOOPS

#define NONE 0
#define ON 1
#define AGAIN 2
#define BIT(n) (1 << (n))

byte unstarted[LOOPS + 1];
byte started = 0;
byte busy = 0;
byte idle = 0; /* a bit each */
byte search = NONE;
bool wakes[LOOPS];


inline wake_thief()
{
    do
    :: true ->
        seen = idle;
        if
        :: seen == 0 -> break
        :: else
        fi;
        atomic { mine = search == NONE; search = AGAIN }
        if
        :: !mine -> seen = 0; break
        :: else
        fi;
        atomic {
            do
            :: !(seen & BIT(n)) -> n++
            :: else -> break
            od;
            mine = (idle & BIT(n)) != 0;
            idle = idle & ~BIT(n);
            seen = 0
        }
        if
        :: mine -> atomic { wakes[n] = true; n = 0; mine = false }; break
        :: else -> atomic { search = NONE; n = 0 }
        fi
#ifdef ASKS_ONCE
        break
#endif
    od
}

/* Half of those of the first loop that has some, the older ones; in between they are in no queue. */
inline steal()
{
    n = 1;
    do
    :: n <= LOOPS && found == 0 ->
        atomic {
            found = (unstarted[(me + n) % (LOOPS + 1)] + 1) / 2;
            unstarted[(me + n) % (LOOPS + 1)] = unstarted[(me + n) % (LOOPS + 1)] - found;
            n++
        }
    :: else -> break
    od;
    n = 0;
    if
    :: found > 0 -> unstarted[me] = unstarted[me] + found
    :: else
    fi
}

inline pass_on()
{
    do
    :: n <= LOOPS && !mine -> atomic { mine = unstarted[n] > (n == me); n++ }
    :: else -> break
    od;
    n = 0;
    if
    :: mine -> mine = false; wake_thief()
    :: else
    fi
}

inline do_search() /* again: left in mine */
{
    search = ON;
    steal();
    atomic { mine = search == AGAIN; search = NONE }
    if
    :: found > 0 ->
        mine = false;
#ifndef KEEPS_QUIET
        pass_on()
#endif
    :: else
    fi
}

inline may_search()
{
    atomic {
        if
        :: search == NONE -> search = ON; mine = true
        :: else -> mine = false
        fi
    }
}

inline leave_idle()
{
    atomic { mine = (idle & BIT(me)) == 0; idle = idle & ~BIT(me) }
    do
    :: mine ->
        do_search();
#ifdef SEARCHES_ONCE
        mine = false;
#endif
        if
        :: mine -> may_search()
        :: else
        fi
    :: else -> break
    od
}

proctype loop(byte me)
{
    byte found, n, seen;
    bool mine;

turn:
    found = 0;
    atomic {
        if
        :: unstarted[me] > 0 -> unstarted[me]--; found = 1
        :: else
        fi
    }
    if
    :: found > 0 -> /* start() */
        found = 0;
        if
        :: unstarted[me] > 0 -> wake_thief()
        :: else
        fi;
        started++;
        goto hog
    :: else
    fi;
    may_search(); /* become_idle() */
    if
    :: mine ->
        do_search();
        mine = false;
        if
        :: found > 0 -> goto turn
        :: else
        fi
    :: else
    fi;
#ifndef LOOKS_FIRST
    idle = idle | BIT(me);
#endif
    steal(); /* the last look */
    if
    :: found > 0 ->
#ifndef KEEPS_QUIET
        pass_on();
#endif
        found = 0;
        leave_idle();
        goto turn
    :: else
    fi;
#ifdef LOOKS_FIRST
    idle = idle | BIT(me);
#endif
    if
    :: wakes[me] -> wakes[me] = false; leave_idle(); goto turn
    :: atomic { me < BUSY && busy == me -> busy++ } leave_idle() /* the first ones stand for any */
        if
        :: found > 0 -> goto turn
        :: else
        fi
    :: started == TASKS
    fi;

hog:
    started == TASKS
}

proctype spawner()
{
    byte left, n, seen;
    bool mine;

    do
    :: left < TASKS -> unstarted[SPAWNER]++; left++; wake_thief()
    :: else -> break
    od
}

init
{
    byte i;

    atomic {
        run spawner();
        for (i : 1 .. LOOPS) {
            run loop(i - 1)
        }
        i = 0
    }
}

/* The barrier of src/sync/barrier.c: the last one to come lets all others go on and begins the next
   round. Who waits may give up any number of times, and then counts as not having come.

   Says: nobody goes on before all have come, one of them is told that it came last, and nobody waits
   for ever. With LEAVES_QUIETLY one that gives up stays counted; with COUNTS_LAST the next round
   begins only after those of this one have been let go. */
#ifndef TASKS
#define TASKS 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif

bool guard = false;
byte arrived = 0;
byte queued_len = 0;
bool queued[TASKS], signaled[TASKS];

byte come[TASKS]; /* the rounds that it has come to for good */
byte last[ROUNDS];

inline guard_enter()
{
    atomic { !guard -> guard = true }
}

inline take_all()
{
    d_step {
        i = 0;
        do
        :: i < TASKS -> granted[i] = queued[i]; queued[i] = false; i++
        :: else -> break
        od;
        queued_len = 0; i = 0
    }
}

proctype task(byte me)
{
    byte round = 0, i = 0;
    bool patient, granted[TASKS];

again:
    if
    :: patient = true
    :: patient = false
    fi;
    signaled[me] = false;
    guard_enter();
    come[me]++;
    arrived++;
    if
    :: arrived == TASKS -> /* open_for_all() */
        assert(queued_len == TASKS - 1);
        take_all();
#ifndef COUNTS_LAST
        arrived = 0;
#endif
        guard = false;
        last[round]++;
        do
        :: i < TASKS ->
            if
            :: granted[i] -> signaled[i] = true
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0;
#ifdef COUNTS_LAST
        arrived = 0;
#endif
        goto on
    :: else ->
        d_step { queued[me] = true; queued_len++ }
        guard = false
    fi;
    if
    :: signaled[me]
    :: !patient -> /* sync_withdraw() */
        guard_enter();
        if
        :: queued[me] ->
            d_step { queued[me] = false; queued_len--; come[me]-- }
#ifndef LEAVES_QUIETLY
            arrived--;
#endif
            guard = false;
            goto again
        :: else ->
            guard = false;
            signaled[me] /* it was let go: that is under way */
        fi
    fi;

on:
    round++;
    d_step {
        do
        :: i < TASKS -> assert(come[i] >= round); i++
        :: else -> break
        od;
        i = 0
    }
    if
    :: round < ROUNDS -> goto again
    :: else
    fi
}

init
{
    byte n;

    atomic {
        for (n : 1 .. TASKS) {
            run task(n - 1)
        }
        (_nr_pr == 1);
        for (n : 1 .. ROUNDS) {
            assert(last[n - 1] == 1)
        }
    }
}

/* What is to be done once, of src/sync/once.c: one is at it, the others wait for it; if it fails the
   next of those who wait does it. Whoever waits may give up any number of times.

   Says: one at a time, done once and never again, nobody is told that it is done before it is, and
   nobody waits for ever. With FAILS_QUIETLY one that fails hands over to nobody; with NAMES_NOBODY it
   lets the next one go on without having named it. */
#ifndef TASKS
#define TASKS 3
#endif
#ifndef FAILURES
#define FAILURES 2
#endif
#define NOBODY TASKS

bool guard = false, done = false;
byte runner = NOBODY;
byte queue[TASKS], queue_len = 0;
bool queued[TASKS], signaled[TASKS];

byte inside = 0, successes = 0, failures = 0;

inline guard_enter()
{
    atomic { !guard -> guard = true }
}

inline remove(who)
{
    d_step {
        i = 0;
        do
        :: queue[i] != who -> i++
        :: else -> break
        od;
        queue_len--;
        do
        :: i < queue_len -> queue[i] = queue[i + 1]; i++
        :: else -> break
        od;
        queue[queue_len] = 0; queued[who] = false; i = 0
    }
}

proctype task(byte me)
{
    byte i = 0, next;
    bool patient, succeeds;

again:
    if
    :: patient = true
    :: patient = false
    fi;
    if
    :: done -> goto told
    :: else
    fi;
    signaled[me] = false;
    guard_enter(); /* begin() */
    if
    :: done -> guard = false; goto told
    :: else
    fi;
    if
    :: runner == NOBODY -> runner = me; guard = false; goto at_it
    :: else
    fi;
    d_step { queue[queue_len] = me; queue_len++; queued[me] = true }
    guard = false;
    if
    :: signaled[me]
    :: !patient -> /* sync_withdraw() */
        guard_enter();
        if
        :: queued[me] -> remove(me); guard = false; goto again
        :: else -> guard = false; signaled[me]
        fi
    fi;
    if
    :: runner == me -> goto at_it
    :: else -> goto told
    fi;

at_it:
    inside++;
    assert(inside == 1 && successes == 0);
    if
    :: succeeds = true; successes++
    :: failures < FAILURES -> succeeds = false; failures++
    fi;
    inside--;
    guard_enter(); /* finish() */
    if
    :: succeeds ->
        runner = NOBODY;
        done = true;
        d_step {
            do
            :: next < queue_len -> queued[queue[next]] = false; next++
            :: else -> break
            od;
            queue_len = 0
        }
        guard = false;
        /* the list is the caller's own by now */
        do
        :: next > 0 -> next--; signaled[queue[next]] = true
        :: else -> break
        od;
        goto told
    :: !succeeds && queue_len == 0 -> runner = NOBODY; guard = false
    :: else ->
#ifdef FAILS_QUIETLY
        runner = NOBODY;
        guard = false
#else
        next = queue[0];
        remove(next);
#ifdef NAMES_NOBODY
        runner = NOBODY;
#else
        runner = next;
#endif
        guard = false;
        signaled[next] = true;
        next = 0
#endif
    fi;
    goto failed; /* its caller is told, and goes away */

told:
    assert(done && successes == 1);
failed:
    skip
}

init
{
    byte n;

    atomic {
        for (n : 1 .. TASKS) {
            run task(n - 1)
        }
    }
}

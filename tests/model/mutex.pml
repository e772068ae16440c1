/* The mutex of src/sync/mutex.c: its word and its queue, with owners that come without queueing,
   waits that are given up, and an unlock that hands over or sets free. Each task locks it once for
   good; before, it may try and give up any number of times. The last one to have had it frees its
   memory.

   Says: one owner at a time; no wake is lost (nobody waits for ever); nobody touches what is freed.
   Every access to the word is a step of its own. What the guard guards is touched only by who has
   it, so its order among other steps says nothing. */
#ifndef TASKS
#define TASKS 3
#endif
#define NOBODY TASKS

#define FREE 0
#define LOCKED 1
#define CONTENDED 2

byte state = FREE;
byte owner = NOBODY;
bool guard = false;
byte queue[TASKS], queue_len = 0;
bool queued[TASKS];
bool signaled[TASKS];

byte inside = 0;     /* how many believe that they have it */
byte users = TASKS;  /* how many have not had it yet */
bool gone = false;   /* its memory */

#define TOUCH assert(!gone)

inline guard_enter()
{
    atomic { !guard -> TOUCH; guard = true }
}

inline guard_leave()
{
    atomic { TOUCH; guard = false }
}

inline compare_exchange(from, to, done)
{
    atomic {
        TOUCH;
        if
        :: state == from -> state = to; done = true
        :: else -> done = false
        fi
    }
}

inline push_back(who)
{
    d_step { queue[queue_len] = who; queue_len++; queued[who] = true }
}

inline push_front(who)
{
    d_step {
        i = queue_len;
        do
        :: i > 0 -> queue[i] = queue[i - 1]; i--
        :: else -> break
        od;
        queue[0] = who; queue_len++; queued[who] = true; i = 0
    }
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

active [TASKS] proctype task()
{
    byte next, was, i;
    bool done, patient, woken, last;

again:
    woken = false;
    if
    :: patient = true
    :: patient = false
    fi;
    /* lock: take() */
    compare_exchange(FREE, LOCKED, done);
    if
    :: done -> owner = _pid; goto have
    :: else
    fi;
queue_up: /* wait_for() */
    signaled[_pid] = false;
    guard_enter();
    atomic { TOUCH; was = state; state = CONTENDED }
    if
    :: was == FREE ->
        if
        :: queue_len == 0 -> atomic { TOUCH; state = LOCKED }
        :: else
        fi;
        owner = _pid;
        guard_leave();
        goto have
    :: else
    fi;
    if
    :: woken && !patient -> /* its scopes have ended */
#ifdef GIVES_UP_QUIETLY /* the owner then wakes nobody: there must be a mark that others wait */
        atomic { TOUCH; state = was }
#endif
        guard_leave();
        goto again
    :: woken -> push_front(_pid)
    :: !woken -> push_back(_pid)
    fi;
    guard_leave();
    if
    :: signaled[_pid]
    :: !patient -> /* withdraw() */
        guard_enter();
        if
        :: queued[_pid] -> remove(_pid); guard_leave(); goto again
        :: else -> guard_leave(); signaled[_pid]
        fi
    fi;
    if
    :: owner == _pid -> goto have
    :: else -> woken = true; goto queue_up
    fi;

have:
    inside++;
    assert(inside == 1);
    users--;
    last = users == 0;
    inside--;

    /* unlock: release() */
    atomic { TOUCH; owner = NOBODY }
set_free:
    compare_exchange(LOCKED, FREE, done);
    if
    :: done -> goto unlocked
    :: else
    fi;
    guard_enter(); /* pass_on() */
#ifdef SET_FREE_INSIDE /* as it was once: its next owner may free it before the guard is left */
    if
    :: queue_len == 0 ->
        atomic { TOUCH; state = FREE }
        guard_leave();
        goto unlocked
    :: else
    fi;
#endif
    if
    :: queue_len == 0 ->
        atomic { TOUCH; state = LOCKED }
        guard_leave();
        goto set_free
    :: else
    fi;
    next = queue[0];
    remove(next);
    if
    :: true -> /* is_due() */
        owner = next;
        if
        :: queue_len == 0 -> atomic { TOUCH; state = LOCKED }
        :: else
        fi
    :: true -> atomic { TOUCH; state = FREE }
    fi;
    guard_leave();
    signaled[next] = true;
unlocked:
    if
    :: last -> gone = true
    :: else
    fi
}

/* The read-write lock of src/sync/rwlock.c, and with it the rules of src/sync/object.h: a word that
   is changed by one step while its queued bit is not set, and under the guard by who has entered
   when it is. Each task locks it once for good, as a reader or a writer; before, it may give up any
   number of times. The last one to have had it frees its memory, if it is a writer.

   Says: writers exclude all; nobody waits for ever, the readers behind a writer that gave up among
   them; while nobody is about to change that, whoever is first in the queue has a reason to wait;
   nobody touches what is freed. */
#ifndef TASKS
#define TASKS 3
#endif

/* The word, in its parts: they change together, in one step. */
bool flag = false; /* OBJECT_QUEUED */
bool writer = false;
byte readers = 0;

bool guard = false;
byte queue[TASKS], queue_len = 0;
bool queued[TASKS], granted[TASKS], signaled[TASKS];
bool writes[TASKS];

byte reading = 0, writing = 0;
byte users = TASKS;
bool gone = false;

#define TOUCH assert(!gone)
#define FITS(who) (!writer && (!writes[who] || readers == 0))

inline guard_enter()
{
    atomic { !guard -> TOUCH; guard = true }
}

/* object_set(), then guard_leave(). */
inline object_leave()
{
    atomic { TOUCH; flag = queue_len > 0; assert(queue_len == 0 || !FITS(queue[0])) }
    atomic { TOUCH; guard = false }
}

inline object_enter()
{
    guard_enter();
    atomic { TOUCH; flag = true }
}

inline take_first()
{
    queue_len--;
    i = 0;
    do
    :: i < queue_len -> queue[i] = queue[i + 1]; i++
    :: else -> break
    od;
    queue[queue_len] = 0; i = 0
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

/* grant(): one step, as the word is the enterer's alone until it leaves. */
inline grant()
{
    d_step {
        do
        :: queue_len > 0 && FITS(queue[0]) ->
            next = queue[0];
            take_first();
            queued[next] = false; granted[next] = true; to_signal[next] = true;
            if
            :: writes[next] -> writer = true
            :: else -> readers++
            fi
        :: else -> break
        od;
        next = 0
    }
}

inline signal_all()
{
    next = 0;
    do
    :: next < TASKS ->
        if
        :: to_signal[next] -> to_signal[next] = false; signaled[next] = true
        :: else
        fi;
        next++
    :: else -> break
    od;
    next = 0
}

active [TASKS] proctype task()
{
    byte next, i;
    bool done, patient, last, to_signal[TASKS];

    if
    :: writes[_pid] = true
    :: writes[_pid] = false
    fi;
again:
    if
    :: patient = true
    :: patient = false
    fi;
    atomic { /* take() */
        TOUCH;
        if
        :: !flag && FITS(_pid) ->
            if
            :: writes[_pid] -> writer = true
            :: else -> readers++
            fi;
            goto have
        :: else
        fi
    }
    signaled[_pid] = false;
    granted[_pid] = false;
    object_enter(); /* wait_for() */
    d_step { queue[queue_len] = _pid; queue_len++; queued[_pid] = true }
    grant();
    to_signal[_pid] = false;
    done = granted[_pid];
    object_leave();
    if
    :: done -> goto have
    :: else
    fi;
    if
    :: signaled[_pid]
    :: !patient -> /* withdraw() */
        guard_enter();
        if
        :: queued[_pid] ->
            remove(_pid);
#ifndef LEAVES_QUIETLY
            grant(); /* left() */
#endif
            object_leave();
            signal_all();
            goto again
        :: else ->
            atomic { TOUCH; guard = false }
            signaled[_pid]
        fi
    fi;
    assert(granted[_pid]);

have:
    if
    :: writes[_pid] -> writing++
    :: else -> reading++
    fi;
    assert(writing == 0 || (writing == 1 && reading == 0));
    atomic { users--; last = users == 0 && writes[_pid] } /* a writer is alone, and knows it */
    if
    :: writes[_pid] -> writing--
    :: else -> reading--
    fi;

unlock:
    atomic { /* release(): the step */
        TOUCH;
        if
        :: !flag ->
            if
            :: writes[_pid] -> writer = false
            :: else -> readers--
            fi;
            goto unlocked
        :: else
        fi
    }
    object_enter(); /* pass_on() */
#ifndef CHANGES_FOR_NOBODY
    if
    :: queue_len == 0 -> object_leave(); goto unlock
    :: else
    fi;
#endif
    d_step {
        if
        :: writes[_pid] -> writer = false
        :: else -> readers--
        fi
    }
    grant();
    object_leave();
    signal_all();
unlocked:
    if
    :: last -> gone = true
    :: else
    fi
}

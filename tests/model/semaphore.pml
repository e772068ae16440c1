/* The semaphore of src/sync/semaphore.c: one is posted for each who waits, and is handed to the first
   in the queue while somebody is there. Each waiter waits once for good; before, it may give up any
   number of times. The last one to have waited frees the memory, as is usual with a semaphore on a
   stack: posts may be under way still.

   Says: no post is lost or taken twice; nobody waits for ever; nobody touches what is freed. */
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef POSTERS
#define POSTERS WAITERS
#endif

bool flag = false; /* OBJECT_QUEUED, and the value: they change together, in one step */
byte value = 0;

bool guard = false;
byte queue[WAITERS], queue_len = 0;
bool queued[WAITERS], granted[WAITERS], signaled[WAITERS];

byte users = WAITERS;
bool gone = false;

#define TOUCH assert(!gone)

inline object_enter()
{
    atomic { !guard -> TOUCH; guard = true }
    atomic { TOUCH; flag = true }
}

inline object_leave()
{
    atomic { TOUCH; flag = queue_len > 0; assert(queue_len == 0 || value == 0) }
    atomic { TOUCH; guard = false }
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

proctype waiter(byte me)
{
    byte i;
    bool can, patient, last;

again:
    if
    :: patient = true
    :: patient = false
    fi;
    atomic { /* take() */
        TOUCH;
        if
        :: !flag && value > 0 -> value--; goto have
        :: else
        fi
    }
    signaled[me] = false;
    granted[me] = false;
    object_enter(); /* take_or_queue() */
    can = value > 0;
    if
    :: can -> value--
    :: else -> d_step { queue[queue_len] = me; queue_len++; queued[me] = true }
    fi;
    object_leave();
    if
    :: can -> goto have
    :: else
    fi;
    if
    :: signaled[me]
    :: !patient -> /* withdraw(): the flag may stay */
        atomic { !guard -> TOUCH; guard = true }
        if
        :: queued[me] ->
            remove(me);
            atomic { TOUCH; guard = false }
            goto again
        :: else ->
            atomic { TOUCH; guard = false }
            signaled[me]
        fi
    fi;
    assert(granted[me]);

have:
    atomic { users--; last = users == 0 }
    if
    :: last -> gone = true; assert(value == 0)
    :: else
    fi
}

proctype poster()
{
    byte next, i;

post:
    atomic {
        TOUCH;
        if
        :: !flag -> value++; goto posted
        :: else
        fi
    }
    object_enter(); /* hand_over() */
#ifdef POSTS_INSIDE /* the value is raised under the guard though nobody is queued */
    if
    :: queue_len == 0 -> value++; object_leave(); goto posted
    :: else
    fi;
#endif
    if
    :: queue_len == 0 -> object_leave(); goto post
    :: else
    fi;
    next = queue[0];
    remove(next);
    granted[next] = true;
#ifdef SIGNALS_INSIDE
    signaled[next] = true;
    object_leave();
    goto posted;
#endif
    object_leave();
    signaled[next] = true;
posted:
    skip
}

init
{
    byte n;

    atomic {
        for (n : 1 .. WAITERS) {
            run waiter(n - 1)
        }
        for (n : 1 .. POSTERS) {
            run poster()
        }
    }
}

/* A task that has not started, the loop of its scope and a thief, while the scope ends in two steps:
   first it stops, then it has ended (src/task/spread.c, start() in sched.c, steal.c). The task waits
   until it has ended, or returns at any time by itself. Between the two loops there are messages
   alone, but for the task's queue, task->sched and the scope's level.

   Says: the task is told of the end, wherever it starts; its memory goes once, and no message touches
   it after. With SCHED_DELAYED or LEVEL_DELAYED a plain store is carried out after the look that
   follows it; with TOLD_ONCE a second rise is not told while word of the first is under way; with
   RELEASED_AT_ONCE its memory goes though such word is under way. */
#define RUNNING 0
#define STOPPING 1
#define ENDED 2

#define HOME 0
#define THIEF 1
#define NOWHERE 2

mtype = { TOLD, TOLD_BACK, OVER };
chan to_home = [3] of { mtype };
chan to_thief = [1] of { mtype };

byte tasks_level = RUNNING; /* the scope's */
bool sched_buffered = false, level_buffered = false;

/* the task */
byte queue = HOME; /* in whose unstarted queue */
byte sched = HOME;
byte runs_on = NOWHERE;
byte home_level = RUNNING;
bool at_home = false, over = false, gone = false, released = false;
byte recheck = 0;
bool returns; /* by itself, some time */

#define TOUCH assert(!released)

/* look_home() and inherit() */
inline look_home(seen)
{
    seen = tasks_level;
    TOUCH;
    if
    :: seen > home_level && !over -> home_level = seen
    :: else
    fi
}

inline release()
{
    TOUCH;
    if
#ifndef RELEASED_AT_ONCE
    :: recheck > 0 -> gone = true
#endif
    :: else -> released = true
    fi
}

inline tell(where)
{
    if
    :: at_home -> look_home(level)
    :: else ->
        where = sched;
        if
        :: where == HOME /* who starts it looks at the level */
        :: where != HOME && recheck > 0 ->
#ifndef TOLD_ONCE
            recheck = 2
#else
            skip
#endif
        :: else -> recheck = 1; to_thief!TOLD
        fi
    fi
}

inline raise(to)
{
#ifdef LEVEL_DELAYED
    level_buffered = true;
#else
    tasks_level = to;
#endif
    if
    :: released
    :: else -> tell(where)
    fi;
#ifdef LEVEL_DELAYED
    !level_buffered
#endif
}

/* The loop of the scope. Its close returns when the task has been released. */
proctype home()
{
    byte level, where;

    do
    :: tasks_level == RUNNING -> raise(STOPPING)
    :: tasks_level == STOPPING -> raise(ENDED)
    :: atomic { queue == HOME -> queue = NOWHERE }
        at_home = true;
        look_home(level);
        runs_on = HOME
    :: runs_on == HOME && !over && (home_level == ENDED || returns) ->
        over = true;
        release()
    :: to_home?TOLD_BACK ->
        TOUCH;
        where = recheck;
        recheck = 0;
        if
        :: gone -> released = true
        :: !gone && where == 2 -> tell(where)
        :: else
        fi
    :: to_home?OVER -> release()
    :: released && tasks_level == ENDED && empty(to_home) && recheck == 0 -> break
    od
}

proctype thief()
{
    byte level;

    do
    :: atomic { queue == HOME -> queue = THIEF }
    :: atomic { queue == THIEF -> queue = NOWHERE }
#ifdef SCHED_DELAYED
        sched_buffered = true;
#else
        sched = THIEF;
#endif
        look_home(level);
        runs_on = THIEF
    :: to_thief?TOLD ->
        look_home(level);
        to_home!TOLD_BACK
    :: runs_on == THIEF && !over && (home_level == ENDED || returns) ->
        over = true;
        to_home!OVER
    :: released && empty(to_thief) -> break
    od
}

/* The processor's store buffers. */
proctype memory()
{
end:
    do
    :: atomic { sched_buffered -> sched = THIEF; sched_buffered = false }
    :: atomic { level_buffered -> tasks_level++; level_buffered = false }
    od
}

init
{
    if
    :: returns = true
    :: returns = false
    fi;
    atomic {
        run home();
        run thief();
        run memory()
    }
}

/* Who says that it sleeps, and then looks (docs/ARCHITECTURE.md, "Who sleeps, and who wakes it"): a
   loop with its inbox, any number of senders. Whoever takes `sleeping` away owes the wake.

   Says: the loop does not sleep on a message for ever.
   With DELAYED the announcement is a plain store, which the processor may carry out after the look
   that follows: then it does sleep for ever. */
#ifndef SENDERS
#define SENDERS 2
#endif

byte inbox = 0, delivered = 0;
bool sleeping = false;
byte wakes = 0; /* the eventfd's count */
bool buffered = false; /* the store is yet to come */

proctype sender()
{
    bool was;

    inbox++; /* inbox_push */
    if /* rouse(): a look first, then an exchange */
    :: sleeping ->
        atomic { was = sleeping; sleeping = false }
        if
        :: was -> wakes++
        :: else
        fi
    :: else
    fi
}

proctype loop()
{
    bool some;

    do
    :: delivered == SENDERS -> break
    :: else ->
        atomic { delivered = delivered + inbox; inbox = 0 }
        if
        :: delivered == SENDERS -> break
        :: else
        fi;
#ifdef DELAYED
        buffered = true;
#else
        sleeping = true;
#endif
        some = inbox > 0;
        if
        :: !some -> atomic { wakes > 0 -> wakes = 0 }
        :: else
        fi;
        /* A wake that comes too late outlives this sleep, and shortens the next. */
        atomic { sleeping = false; buffered = false }
    od
}

/* The processor's store buffer. */
proctype memory()
{
end:
    do
    :: atomic { buffered -> sleeping = true; buffered = false }
    od
}

init
{
    byte i;

    atomic {
        run loop();
        run memory();
        for (i : 1 .. SENDERS) {
            run sender()
        }
    }
}

/* The signals that a fault raises in the thread that made it. Blocked, they end the process without
   a handler's word: no thread of the runtime blocks them. */
#ifndef DURE_SRC_BASE_FAULTS_H
#define DURE_SRC_BASE_FAULTS_H

#include <signal.h>
#include <stdbool.h>

static inline bool is_fault_signal(int number)
{
    switch (number) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS:
        return true;
    default:
        return false;
    }
}

#endif

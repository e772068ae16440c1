/* Names of hosts and services, by the C library's own functions and in the
   system's own order, on threads kept for it: eight at most at a time; more
   lookups queue. (A plain thread without a scope asks itself; with one and without
   a run, a thread that is made for it.) What needs no lookup (numeric hosts and ports) is answered at
   once.

   A cancelled lookup is abandoned: the task goes on at once, and the answer is
   freed when it comes. One that still queued never begins. A run does not wait
   for those that were abandoned: they end on their threads when the system's
   resolver gives up. */
#ifndef DURE_NAMES_H
#define DURE_NAMES_H

#include <netdb.h>
#include <sys/socket.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

struct addrinfo;

/* Finds the addresses of a host and a service.
   results: get a list that freeaddrinfo frees.
   Returns: 0, or as getaddrinfo one of EAI_..., of which gai_strerror tells; besides,
     EAI_SYSTEM with errno ECANCELED  a scope around the caller ended; *results is unchanged.
     EAI_SYSTEM with errno EAGAIN     no thread could be made.
   Blocks: the task, or the thread. Cancellation: abandoned. Source: POSIX.1-2017 getaddrinfo. */
DURE_API int dure_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                              struct addrinfo **results);

/* Finds the names of an address.
   host, service: get the names, of at most host_len and service_len bytes; unchanged on failure.
   Returns, blocks, cancellation: as dure_getaddrinfo. Source: POSIX.1-2017 getnameinfo. */
DURE_API int dure_getnameinfo(const struct sockaddr *addr, socklen_t addr_len, char *host,
                              socklen_t host_len, char *service, socklen_t service_len, int flags);

DURE_END_DECLS

#endif

/* Names of hosts and services: abandoned on cancel. */
#include "loop/loop.h"

#include "backend/sim/sim.h"

#include <dure/names.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static int system_error(int error)
{
    errno = error;
    return EAI_SYSTEM;
}

/* Without a scope a thread's lookup is the plain call. */
static bool can_be_ended(void)
{
    return task_current() || (thread_has_scope() && !task_forked);
}

static void pay(void)
{
    if (task_current())
        task_pay(sched_here);
}

/* Asks; the answer is there if it returns 0, until it is let go. */
static int ask_pool(struct request *request, const char *what)
{
    int error = request_run(request, POOL_NAMES, what, -1);

    return error < 0 ? system_error(-error) : 0;
}

/* In a simulation: waits for the name server, if it has to be asked. Returns 0 or EAI_... */
static int ask_simulated(bool known, const char *what)
{
    int error = known ? 0 : simulated_query(what);

    if (error == -ECANCELED)
        flow_feel(&task_current()->flow);
    return error == -EAGAIN ? EAI_AGAIN : error < 0 ? system_error(-error) : 0;
}

/* --- getaddrinfo --- */

struct lookup {
    struct request request;
    struct addrinfo hints, *results;
    bool has_hints;
    const char *host, *service; /* in text, or NULL */
    int result, error;
    char text[];
};

static void look_up(struct request *request)
{
    struct lookup *lookup = container_of(request, struct lookup, request);

    lookup->result = getaddrinfo(lookup->host, lookup->service,
                                 lookup->has_hints ? &lookup->hints : NULL, &lookup->results);
    lookup->error = errno;
    if (lookup->result)
        lookup->results = NULL;
}

static void drop_lookup(struct request *request)
{
    struct lookup *lookup = container_of(request, struct lookup, request);

    if (lookup->results)
        freeaddrinfo(lookup->results);
    free(lookup);
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *copy(char *to, const char *text)
{
    return text ? memcpy(to, text, size_of(text)) : NULL;
}

static struct lookup *lookup_create(const char *host, const char *service,
                                    const struct addrinfo *hints)
{
    size_t host_size = size_of(host);
    struct lookup *lookup = calloc(1, sizeof *lookup + host_size + size_of(service));

    if (!lookup)
        return NULL;
    lookup->host = copy(lookup->text, host);
    lookup->service = copy(lookup->text + host_size, service);
    lookup->has_hints = hints != NULL;
    if (hints)
        lookup->hints = (struct addrinfo){ .ai_flags = hints->ai_flags,
                                           .ai_family = hints->ai_family,
                                           .ai_socktype = hints->ai_socktype,
                                           .ai_protocol = hints->ai_protocol };
    lookup->request.ask = look_up;
    lookup->request.drop = drop_lookup;
    return lookup;
}

static int look_up_in_pool(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **results)
{
    struct lookup *lookup = lookup_create(host, service, hints);
    int result;

    if (!lookup)
        return EAI_MEMORY;
    result = ask_pool(&lookup->request, "getaddrinfo");
    if (result)
        return result;
    result = lookup->result;
    if (result == EAI_SYSTEM)
        errno = lookup->error;
    if (result == 0) {
        *results = lookup->results;
        lookup->results = NULL;
    }
    request_let_go(&lookup->request);
    return result;
}

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool is_address(const char *text)
{
    struct in6_addr any;

    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

#if defined(AI_IDN) && defined(AI_CANONIDN)
#define AI_LOADS (AI_IDN | AI_CANONIDN) /* a library, at the first use */
#else
#define AI_LOADS 0
#endif

/* Nothing to look up: no file, no server. (Without a host the addresses are sorted, by what a file
   says.) The C library still gives the answer, errors included. */
static bool is_numeric(const char *host, const char *service, int flags)
{
    if (!host || (flags & AI_LOADS))
        return false;
    if (service && !(flags & AI_NUMERICSERV) && !is_number(service))
        return false;
    return (flags & AI_NUMERICHOST) || is_address(host);
}

int dure_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **results)
{
    int refused = io_entry_refused(), result;

    if (refused < 0)
        return system_error(-refused);
    if (is_numeric(host, service, hints ? hints->ai_flags : 0)) {
        pay();
        return world_here()->getaddrinfo(host, service, hints, results);
    }
    if (unlikely(world_here()->simulated)) {
        result = ask_simulated(!host || sim_knows_name(host), "getaddrinfo");
        return result ? result : world_here()->getaddrinfo(host, service, hints, results);
    }
    if (!can_be_ended())
        return getaddrinfo(host, service, hints, results);
    result = look_up_in_pool(host, service, hints, results);
    return result;
}

/* --- getnameinfo --- */

struct naming {
    struct request request;
    struct sockaddr_storage addr;
    socklen_t addr_len, host_len, service_len;
    char *host, *service; /* in text, or NULL */
    int flags, result, error;
    char text[];
};

static void find_names(struct request *request)
{
    struct naming *naming = container_of(request, struct naming, request);

    naming->result =
        getnameinfo((struct sockaddr *)&naming->addr, naming->addr_len, naming->host,
                    naming->host_len, naming->service, naming->service_len, naming->flags);
    naming->error = errno;
}

static void drop_naming(struct request *request)
{
    free(container_of(request, struct naming, request));
}

static struct naming *naming_create(const struct sockaddr *addr, socklen_t addr_len,
                                    socklen_t host_len, socklen_t service_len, int flags)
{
    struct naming *naming = malloc(sizeof *naming + host_len + service_len);

    if (!naming)
        return NULL;
    memset(naming, 0, sizeof *naming);
    naming->addr_len = addr_len < sizeof naming->addr ? addr_len : sizeof naming->addr;
    memcpy(&naming->addr, addr, naming->addr_len);
    naming->host = host_len ? naming->text : NULL;
    naming->service = service_len ? naming->text + host_len : NULL;
    naming->host_len = host_len;
    naming->service_len = service_len;
    naming->flags = flags;
    naming->request.ask = find_names;
    naming->request.drop = drop_naming;
    return naming;
}

static int name_in_pool(const struct sockaddr *addr, socklen_t addr_len, char *host,
                        socklen_t host_len, char *service, socklen_t service_len, int flags)
{
    struct naming *naming = naming_create(addr, addr_len, host_len, service_len, flags);
    int result;

    if (!naming)
        return EAI_MEMORY;
    result = ask_pool(&naming->request, "getnameinfo");
    if (result)
        return result;
    result = naming->result;
    if (result == EAI_SYSTEM)
        errno = naming->error;
    if (result == 0 && host_len)
        memcpy(host, naming->host, strlen(naming->host) + 1);
    if (result == 0 && service_len)
        memcpy(service, naming->service, strlen(naming->service) + 1);
    request_let_go(&naming->request);
    return result;
}

static bool asks_names(socklen_t host_len, socklen_t service_len, int flags)
{
    return (host_len && !(flags & NI_NUMERICHOST)) || (service_len && !(flags & NI_NUMERICSERV));
}

int dure_getnameinfo(const struct sockaddr *addr, socklen_t addr_len, char *host,
                     socklen_t host_len, char *service, socklen_t service_len, int flags)
{
    int refused = io_entry_refused(), result;

    if (refused < 0)
        return system_error(-refused);
    if (!host)
        host_len = 0;
    if (!service)
        service_len = 0;
    if (!addr || !asks_names(host_len, service_len, flags)) {
        pay();
        return world_here()->getnameinfo(addr, addr_len, host, host_len, service, service_len,
                                         flags);
    }
    if (unlikely(world_here()->simulated)) {
        result = ask_simulated(!host_len || sim_knows_address(addr, addr_len), "getnameinfo");
        return result ? result
                      : world_here()->getnameinfo(addr, addr_len, host, host_len, service,
                                                  service_len, flags);
    }
    if (!can_be_ended())
        return getnameinfo(addr, addr_len, host, host_len, service, service_len, flags);
    result = name_in_pool(addr, addr_len, host, host_len, service, service_len, flags);
    return result;
}

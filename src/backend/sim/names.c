/* Names of hosts and services. The hosts are known by the names that they were added with, to a name
   server on host 0, and services by those that every machine knows.

   The C library makes the answers, from numbers alone, so that it can free them; it is never asked
   for a name, nor for more than one address, which it would sort by what the real machine has. */
#include "backend/sim/world.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct service {
    const char *name;
    uint16_t port;
} services[] = {
    { "echo", 7 },   { "discard", 9 }, { "ftp", 21 },    { "ssh", 22 },     { "telnet", 23 },
    { "smtp", 25 },  { "domain", 53 }, { "http", 80 },   { "pop3", 110 },   { "ntp", 123 },
    { "snmp", 161 }, { "ldap", 389 },  { "https", 443 }, { "syslog", 514 },
};
#define SERVICES (sizeof services / sizeof *services)

static bool is_numeric(const char *text)
{
    struct in6_addr any;

    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

static void write_ip(const struct in6_addr *ip, char text[INET6_ADDRSTRLEN])
{
    if (IN6_IS_ADDR_V4MAPPED(ip))
        inet_ntop(AF_INET, &ip->s6_addr[12], text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, ip, text, INET6_ADDRSTRLEN);
}

/* --- who needs not be asked --- */

bool sim_knows_name(const char *name)
{
    const struct sim_host *here = sim_host_here();

    return !here || is_numeric(name) || strcasecmp(name, "localhost") == 0 ||
           strcasecmp(name, here->name) == 0;
}

static int read_any(const struct sockaddr *addr, socklen_t len, struct sim_address *out)
{
    return addr ? sim_address_read(addr, len, addr->sa_family == AF_INET ? AF_INET : AF_INET6, out)
                : -EINVAL;
}

bool sim_knows_address(const struct sockaddr *addr, socklen_t len)
{
    struct sim_host *here = sim_host_here();
    struct sim_address address;

    return !here || read_any(addr, len, &address) < 0 || sim_host_find(here, &address.ip) == here;
}

int64_t sim_query_ns(void)
{
    struct sim_host *here = sim_host_here(), *server = sim_host_at(0);

    if (!here)
        return 0;
    if (sim_link_is_cut(here, server) || sim_chance(sim_world_options.loss_ppm) ||
        sim_chance(sim_world_options.loss_ppm))
        return -1;
    return sim_latency_ns(here, server) + sim_latency_ns(server, here);
}

/* --- getaddrinfo --- */

/* What the name stands for, in figures. Returns 0 or EAI_... */
static int find_host(const char *name, const struct addrinfo *hints, char text[INET6_ADDRSTRLEN])
{
    bool v6 = hints->ai_family == AF_INET6, mapped = hints->ai_flags & AI_V4MAPPED;
    const struct sim_host *host = name ? sim_host_named(name) : NULL;
    bool passive = !name && (hints->ai_flags & AI_PASSIVE);

    if (passive || !name || strcasecmp(name, "localhost") == 0) {
        strcpy(text, passive ? (v6 ? "::" : "0.0.0.0") : v6 ? "::1" : "127.0.0.1");
        return 0;
    }
    if (!host || strlen(name) >= sizeof host->name)
        return EAI_NONAME;
    write_ip(&host->ip, text);
    if (IN6_IS_ADDR_V4MAPPED(&host->ip))
        return v6 && !mapped ? EAI_NONAME : 0;
    return hints->ai_family == AF_INET ? EAI_NONAME : 0;
}

/* The port of a service that has a name, in figures. Returns 0 or EAI_SERVICE. */
static int find_service(const char *name, char text[8])
{
    for (size_t i = 0; i < SERVICES; i++) {
        if (strcmp(services[i].name, name) != 0)
            continue;
        snprintf(text, 8, "%u", services[i].port);
        return 0;
    }
    return EAI_SERVICE;
}

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static int make_answer(const char *host, const char *service, const struct addrinfo *hints,
                       const char *name, struct addrinfo **results)
{
    struct addrinfo plain = *hints;
    int error;

    plain.ai_flags &= ~(AI_CANONNAME | AI_ADDRCONFIG);
    plain.ai_flags |= AI_NUMERICHOST;
    error = getaddrinfo(host, service, &plain, results);
    for (struct addrinfo *result = *results; error == 0 && result; result = result->ai_next)
        result->ai_flags = hints->ai_flags;
    if (error == 0 && (hints->ai_flags & AI_CANONNAME))
        (*results)->ai_canonname = strdup(name);
    return error;
}

int sim_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                    struct addrinfo **results)
{
    struct addrinfo wanted = { .ai_family = AF_UNSPEC };
    char address[INET6_ADDRSTRLEN], port[8];
    int error = 0;

    if (hints)
        wanted = (struct addrinfo){ .ai_flags = hints->ai_flags,
                                    .ai_family = hints->ai_family,
                                    .ai_socktype = hints->ai_socktype,
                                    .ai_protocol = hints->ai_protocol };
    if (!host && (!service || (wanted.ai_flags & AI_CANONNAME)))
        return service ? EAI_BADFLAGS : EAI_NONAME;
    if (!(wanted.ai_flags & AI_NUMERICHOST) && (!host || !is_numeric(host)))
        error = find_host(host, &wanted, address);
    else
        snprintf(address, sizeof address, "%s", host ? host : "127.0.0.1");
    if (error == 0 && service && !is_number(service) && !(wanted.ai_flags & AI_NUMERICSERV)) {
        error = find_service(service, port);
        service = port;
    }
    return error ? error : make_answer(address, service, &wanted, host, results);
}

/* --- getnameinfo --- */

/* The host's name; without one, figures. Returns 0 or EAI_NONAME. */
static int name_host(const struct sockaddr *addr, socklen_t len, int flags, char *text, size_t size)
{
    struct sim_host *here = sim_host_here(), *host;
    struct sim_address address;

    if ((flags & NI_NUMERICHOST) || !here || read_any(addr, len, &address) < 0)
        return flags & NI_NAMEREQD ? EAI_NONAME : 0;
    host = sim_host_find(here, &address.ip);
    if (host)
        snprintf(text, size, "%s",
                 host == here && memcmp(&host->ip, &address.ip, sizeof host->ip) != 0 ? "localhost"
                                                                                      : host->name);
    return host || !(flags & NI_NAMEREQD) ? 0 : EAI_NONAME;
}

static void name_service(int flags, char *text, size_t size)
{
    if (flags & NI_NUMERICSERV)
        return;
    for (size_t i = 0; i < SERVICES; i++) {
        if (services[i].port == atoi(text)) {
            snprintf(text, size, "%s", services[i].name);
            return;
        }
    }
}

static int put_text(char *to, socklen_t len, const char *text)
{
    if (!to || len == 0)
        return 0;
    if (strlen(text) >= len)
        return EAI_OVERFLOW;
    strcpy(to, text);
    return 0;
}

int sim_getnameinfo(const struct sockaddr *addr, socklen_t addr_len, char *host, socklen_t host_len,
                    char *service, socklen_t service_len, int flags)
{
    char name[NI_MAXHOST], port[NI_MAXSERV];
    int error;

    if (!addr || addr_len < sizeof addr->sa_family ||
        (addr->sa_family != AF_INET && addr->sa_family != AF_INET6))
        return EAI_FAMILY;
    if ((!host || !host_len) && (!service || !service_len))
        return EAI_NONAME;
    error = getnameinfo(addr, addr_len, name, sizeof name, port, sizeof port,
                        NI_NUMERICHOST | NI_NUMERICSERV);
    if (error == 0 && host && host_len)
        error = name_host(addr, addr_len, flags, name, sizeof name);
    if (error)
        return error;
    name_service(flags, port, sizeof port);
    error = put_text(host, host_len, name);
    return error ? error : put_text(service, service_len, port);
}

/* Addresses of hosts: IPv6 inside, with IPv4 mapped into it. */
#include "backend/sim/inside.h"

#include <arpa/inet.h>
#include <string.h>

#define PORT_FIRST 32768
#define PORT_LAST 60999

static void map(struct in6_addr *out, const struct in_addr *v4)
{
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(&out->s6_addr[12], v4, sizeof *v4);
}

int sim_address_read(const struct sockaddr *addr, socklen_t len, int family,
                     struct sim_address *out)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    if (!addr || len < sizeof addr->sa_family)
        return -EINVAL;
    if (addr->sa_family != family)
        return -EAFNOSUPPORT;
    if (len < (family == AF_INET ? sizeof v4 : sizeof v6))
        return -EINVAL;
    out->v4 = family == AF_INET;
    if (out->v4) {
        memcpy(&v4, addr, sizeof v4);
        map(&out->ip, &v4.sin_addr);
        out->port = ntohs(v4.sin_port);
    } else {
        memcpy(&v6, addr, sizeof v6);
        out->ip = v6.sin6_addr;
        out->port = ntohs(v6.sin6_port);
    }
    return 0;
}

void sim_address_write(const struct sim_address *address, struct sockaddr *out, socklen_t *len)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                               .sin6_port = htons(address->port),
                               .sin6_addr = address->ip };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(address->port) };
    socklen_t whole = address->v4 ? sizeof v4 : sizeof v6;

    memcpy(&v4.sin_addr, &address->ip.s6_addr[12], sizeof v4.sin_addr);
    if (out)
        memcpy(out, address->v4 ? (void *)&v4 : (void *)&v6, *len < whole ? *len : whole);
    *len = whole;
}

bool sim_address_is_any(const struct sim_address *address)
{
    static const struct in_addr none;
    struct in6_addr any_v4;

    map(&any_v4, &none);
    return IN6_IS_ADDR_UNSPECIFIED(&address->ip) || IN6_ARE_ADDR_EQUAL(&address->ip, &any_v4);
}

bool sim_address_is_own(const struct sim_host *host, const struct sim_address *address)
{
    return sim_host_find((struct sim_host *)(uintptr_t)host, &address->ip) == host;
}

bool sim_address_takes(const struct sim_address *bound, const struct sim_address *to)
{
    return bound->port == to->port &&
           (sim_address_is_any(bound) || IN6_ARE_ADDR_EQUAL(&bound->ip, &to->ip));
}

uint16_t sim_port_next(struct sim_host *host)
{
    if (host->port_next < PORT_FIRST || host->port_next >= PORT_LAST)
        host->port_next = PORT_FIRST;
    return host->port_next++;
}

void sim_address_from(const struct sim_host *host, const struct sim_address *to,
                      struct sim_address *out)
{
    /* To itself by a loopback address, from the same. */
    bool outwards = IN6_ARE_ADDR_EQUAL(&to->ip, &host->ip) ||
                    sim_host_find((struct sim_host *)(uintptr_t)host, &to->ip) != host;

    out->ip = outwards ? host->ip : to->ip;
    out->v4 = to->v4;
}

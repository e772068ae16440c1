/* Hosts, their addresses, and what lies between them. */
#include "backend/sim/inside.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LATENCY_MIN_NS 50000
#define LATENCY_MAX_NS 2000000
/* A host's way to itself. */
#define LOOPBACK_MIN_NS 1000
#define LOOPBACK_MAX_NS 20000
/* One packet in so many meets a full queue on its way, and takes so many times as long. */
#define SLOW_PPM 5000
#define SLOW_FACTOR 20
#define PORT_FIRST 32768

struct sim_options sim_world_options;

static struct sim_host *hosts[SIM_HOSTS_MAX];
static unsigned hosts_len;
/* Bit b of row a: nothing passes between a and b. Rows are made when the first is cut. */
static uint64_t *cuts[SIM_HOSTS_MAX];

static uint32_t no_caller(void)
{
    return 0;
}

uint32_t (*sim_caller)(void) = no_caller;

static bool read_ip(const char *text, struct in6_addr *out)
{
    struct in_addr v4;

    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(&out->s6_addr[12], &v4, sizeof v4);
    return true;
}

static struct sim_host *find_ip(const struct in6_addr *ip)
{
    /* Linear: asked once a connection and datagram, and worlds have some dozens of hosts. */
    for (unsigned i = 0; i < hosts_len; i++)
        if (memcmp(&hosts[i]->ip, ip, sizeof *ip) == 0)
            return hosts[i];
    return NULL;
}

const struct sim_host *sim_host_named(const char *name)
{
    for (unsigned i = 0; i < hosts_len; i++)
        if (strcasecmp(hosts[i]->name, name) == 0)
            return hosts[i];
    return NULL;
}

static int make_host(struct sim_host **out)
{
    struct sim_host *host = calloc(1, sizeof *host);
    int error;

    if (!host)
        return -ENOMEM;
    error = sim_disk_create(&host->disk);
    if (error < 0) {
        free(host);
        return error;
    }
    host->umask = 022;
    list_init(&host->files);
    list_init(&host->listeners);
    list_init(&host->bound);
    list_init(&host->locals);
    list_init(&host->flying);
    *out = host;
    return 0;
}

int sim_host_add(const char *name, const char *address)
{
    struct sim_host *host;
    struct in6_addr ip;
    int error;

    if (!name || !address || !read_ip(address, &ip))
        return -EINVAL;
    if (find_ip(&ip))
        return -EADDRINUSE;
    if (hosts_len == SIM_HOSTS_MAX)
        return -EMFILE;
    error = make_host(&host);
    if (error < 0)
        return error;
    host->number = hosts_len;
    host->ip = ip;
    host->up = true;
    host->port_next = PORT_FIRST;
    snprintf(host->name, sizeof host->name, "%s", name);
    hosts[hosts_len++] = host;
    return (int)host->number;
}

int sim_hosts_init(void)
{
    int error = sim_host_add("test", "192.0.2.1");

    return error < 0 ? error : 0;
}

void sim_hosts_close_all(void)
{
    for (unsigned i = 0; i < hosts_len; i++)
        sim_host_close_all(hosts[i]);
}

void sim_hosts_fini(void)
{
    for (unsigned i = 0; i < hosts_len; i++) {
        sim_disk_destroy(hosts[i]->disk);
        free(hosts[i]);
        free(cuts[i]);
        hosts[i] = NULL;
        cuts[i] = NULL;
    }
    hosts_len = 0;
    sim_caller = no_caller;
}

struct sim_host *sim_host_at(int number)
{
    return number >= 0 && (unsigned)number < hosts_len ? hosts[number] : NULL;
}

/* A caller's word: the host's number below, its incarnation above. */
static uint32_t word_of(const struct sim_host *host)
{
    return host->number | host->incarnation << 16;
}

struct sim_host *sim_host_here(void)
{
    uint32_t caller = sim_caller();
    struct sim_host *host = sim_host_at((int)(caller & 0xffff));

    return host && host->up && word_of(host) == caller ? host : NULL;
}

int64_t sim_host_incarnation(int number)
{
    struct sim_host *host = sim_host_at(number);

    return host ? (int64_t)word_of(host) : -EINVAL;
}

const char *sim_host_name(int number)
{
    struct sim_host *host = sim_host_at(number);

    return host ? host->name : "";
}

int sim_host_crash(int number)
{
    struct sim_host *host = sim_host_at(number);

    if (!host || number == 0)
        return -EINVAL;
    if (!host->up)
        return 0;
    sim_trace(TRACE_HOST, number, -1);
    host->up = false;
    host->incarnation = (host->incarnation + 1) & 0xffff;
    sim_host_close_all(host);
    sim_disk_crash(host->disk);
    host->descriptors = host->memory = (struct sim_failing){ 0 };
    return 0;
}

int sim_host_boot(int number)
{
    struct sim_host *host = sim_host_at(number);

    if (!host)
        return -EINVAL;
    if (!host->up)
        sim_trace(TRACE_HOST, number, 1);
    host->up = true;
    return 0;
}

static bool is_loopback(const struct in6_addr *ip)
{
    return IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_UNSPECIFIED(ip) ||
           (IN6_IS_ADDR_V4MAPPED(ip) && (ip->s6_addr[12] == 127 || ip->s6_addr[12] == 0));
}

struct sim_host *sim_host_find(struct sim_host *from, const struct in6_addr *ip)
{
    return is_loopback(ip) ? from : find_ip(ip);
}

static int cut_row(unsigned a, unsigned b, bool cut)
{
    if (!cuts[a])
        cuts[a] = calloc(SIM_HOSTS_MAX / 64, sizeof *cuts[a]);
    if (!cuts[a])
        return -ENOMEM;
    if (cut)
        cuts[a][b / 64] |= UINT64_C(1) << b % 64;
    else
        cuts[a][b / 64] &= ~(UINT64_C(1) << b % 64);
    return 0;
}

int sim_link_cut(int a, int b, bool cut)
{
    if (!sim_host_at(a) || !sim_host_at(b) || a == b)
        return -EINVAL;
    sim_trace(TRACE_HOST, a, (int64_t)b << 1 | cut);
    return cut_row((unsigned)a, (unsigned)b, cut) < 0 || cut_row((unsigned)b, (unsigned)a, cut) < 0
               ? -ENOMEM
               : 0;
}

bool sim_link_is_cut(const struct sim_host *a, const struct sim_host *b)
{
    return cuts[a->number] && (cuts[a->number][b->number / 64] >> b->number % 64 & 1);
}

int64_t sim_latency_ns(const struct sim_host *a, const struct sim_host *b)
{
    const struct sim_options *o = &sim_world_options;
    int64_t low = o->latency_min_ns ? o->latency_min_ns : LATENCY_MIN_NS;
    int64_t high = o->latency_max_ns ? o->latency_max_ns : LATENCY_MAX_NS;
    int64_t ns;

    if (a == b)
        return sim_draw_between(LOOPBACK_MIN_NS, LOOPBACK_MAX_NS);
    ns = sim_draw_between(low, high > low ? high : low);
    return sim_chance(SLOW_PPM) ? ns * SLOW_FACTOR : ns;
}

int sim_host_fail(int number, bool memory, unsigned nth, bool lasting)
{
    struct sim_host *host = sim_host_at(number);

    if (!host)
        return -EINVAL;
    *(memory ? &host->memory : &host->descriptors) =
        (struct sim_failing){ .left = nth, .lasting = lasting };
    return 0;
}

bool sim_fails(struct sim_failing *failing)
{
    if (failing->left == 0 || --failing->left > 0)
        return false;
    if (failing->lasting)
        failing->left = 1;
    return true;
}

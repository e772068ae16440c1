/* One measurement: a server, clients, and between two moments what they did. */
#include <dure.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/compare/format.h"
#include "cmd/compare/models.h"

/* When nobody else has been served for so long the others are not served at all. Where the model says
   so beforehand, as it has fewer workers than there are connections, which last, not much is waited. */
#define STAGNATION_NS (2 * DURE_SECOND)
#define STAGNATION_FULL_NS (100 * DURE_MILLISECOND)
#define LOOK_NS (2 * DURE_MILLISECOND)
/* The shortest time in which something is recorded. */
#define WINDOW_MIN_NS (60 * DURE_MILLISECOND)
/* Of the slice, for setting up and what comes after. */
#define AFTER_SHARE 0.15
/* A client that computes so much of the time cannot ask faster. */
#define CLIENT_BUSY 0.9

/* What a measurement has found. */
struct found {
    struct usage used; /* by the server, while the clients recorded */
    struct footprint alone, at_work;
    struct client_count sum;
    int64_t window_ns, client_cpu_ns;
};

/* Waits until each client has had an answer. bound: so many connections are served at once; 0: any
   number. Returns: how many have. */
static unsigned warm_up(const struct client *client, unsigned connections, unsigned bound)
{
    int64_t grew_ns = dure_now(), patience_ns = STAGNATION_NS;
    unsigned served = 0, now;

    while (served < connections && dure_now() - grew_ns < patience_ns && !compare_interrupted()) {
        if (served > 0 && served == bound)
            patience_ns = STAGNATION_FULL_NS;
        dure_sleep_for(LOOK_NS);
        now = client->shared->served;
        if (now > served)
            grew_ns = dure_now();
        served = now;
    }
    return served;
}

static void add_counts(struct found *found, const struct client_shared *shared)
{
    unsigned i;

    for (i = 0; i < CLIENT_LOOPS_MAX; i++) {
        found->sum.requests += shared->counts[i].requests;
        found->sum.errors += shared->counts[i].errors;
        if (shared->counts[i].latencies.count > 0)
            histogram_merge(&found->sum.latencies, &shared->counts[i].latencies);
    }
    found->window_ns = shared->window_ns;
    found->client_cpu_ns = shared->cpu_ns;
}

/* Of a child that ended while it was looked at something may be missing. */
static struct usage usage_since(const struct usage *before, const struct usage *after)
{
    struct usage used = { 0 };

    if (after->cpu_ns > before->cpu_ns)
        used.cpu_ns = after->cpu_ns - before->cpu_ns;
    if (after->voluntary > before->voluntary)
        used.voluntary = after->voluntary - before->voluntary;
    if (after->involuntary > before->involuntary)
        used.involuntary = after->involuntary - before->involuntary;
    return used;
}

/* The server's usage is looked at right after the clients have begun and ended, so that both spans are
   of one length, however long looking at a thousand processes takes. */
static int record(struct found *found, const struct server *server, struct client *client,
                  int64_t window_ns)
{
    struct usage before, after;

    if (client_record(client, true) < 0 || server_usage(server, &before) < 0)
        return -1;
    dure_sleep_for(window_ns);
    if (client_record(client, false) < 0 || server_usage(server, &after) < 0)
        return -1;
    found->used = usage_since(&before, &after);
    footprint_of(&found->at_work, server->pid);
    add_counts(found, client->shared);
    return 0;
}

static double share(double part, uint64_t of)
{
    return of > 0 ? part / (double)of : 0;
}

static void sample(struct point *point, const struct found *found, unsigned connections)
{
    const struct client_count *sum = &found->sum;
    double grown = (double)found->at_work.bytes - (double)found->alone.bytes;

    if (sum->requests > 0) {
        point_sample(point, MODELS_RATE, (double)sum->requests * 1e9 / (double)found->window_ns);
        point_sample(point, MODELS_P50, histogram_quantile(&sum->latencies, 0.5));
        point_sample(point, MODELS_P99, histogram_quantile(&sum->latencies, 0.99));
        point_sample(point, MODELS_P999, histogram_quantile(&sum->latencies, 0.999));
        point_sample(point, MODELS_CPU, share((double)found->used.cpu_ns, sum->requests));
        point_sample(point, MODELS_VOLUNTARY, share((double)found->used.voluntary, sum->requests));
        point_sample(point, MODELS_INVOLUNTARY,
                     share((double)found->used.involuntary, sum->requests));
    }
    point_sample(point, MODELS_MEMORY, grown > 0 ? grown / connections : 0);
    point_sample(point, MODELS_PROCESSES, found->at_work.processes);
    point_sample(point, MODELS_THREADS, found->at_work.threads);
    point_sample(point, MODELS_ERRORS, (double)sum->errors);
}

static void warn(struct point *point, const struct found *found, const struct models_point *at,
                 const struct processors *processors)
{
    double busy =
        (double)found->client_cpu_ns / ((double)found->window_ns * (double)processors->client_len);
    double rate = (double)found->sum.requests * 1e9 / (double)found->window_ns;

    if (busy > CLIENT_BUSY && at->rate == 0 && !processors->shared)
        point_warn(point, "the clients were the bottleneck");
    if (at->rate > 0 && rate < 0.9 * at->rate)
        point_warn(point, "could not keep up with %s requests a second",
                   shown_count(at->rate).text);
    if (found->sum.errors > 0)
        point_warn(point, "requests failed"); /* as their connections were refused */
}

static bool refuse(struct point *point, const struct server *server, const char *otherwise)
{
    char *said = server_said(server);

    point_refuse(point, "%s", said != NULL ? said : otherwise);
    free(said);
    return false;
}

/* The server is let go. Returns: as models_measure. */
static bool serve(struct point *point, const struct contestant *contestant, struct server *server,
                  struct client *client, const struct load *load, const struct models_point *at,
                  const struct processors *processors, int64_t until_ns)
{
    struct found *found = calloc(1, sizeof *found);
    unsigned served;
    int64_t window_ns;
    bool holds = false;

    if (found == NULL)
        return refuse(point, server, "no memory");
    footprint_of(&found->alone, server->pid);
    server_go(server);
    if (client_start(client, load, processors) < 0) {
        refuse(point, server, strerror(errno));
        goto free_found;
    }
    served = warm_up(client, at->connections, at->reconnects ? 0 : contestant->workers);
    window_ns = until_ns - dure_now();
    if (window_ns < WINDOW_MIN_NS)
        window_ns = WINDOW_MIN_NS;
    if (compare_interrupted()) {
        holds = true; /* nobody knows */
    } else if (served < at->connections) {
        point_refuse(point, "%s of %s connections were served", shown_count(served).text,
                     shown_count(at->connections).text);
    } else if (record(found, server, client, window_ns) < 0) {
        refuse(point, server, "the server or its clients went away");
    } else if (found->sum.errors > 0 && !at->reconnects) {
        refuse(point, server, "connections were broken off");
    } else {
        holds = true;
        sample(point, found, at->connections);
        warn(point, found, at, processors);
    }

free_found:
    free(found);
    return holds;
}

bool models_measure(struct compare *compare, const struct contestant *contestant,
                    const struct models_point *at, const struct handler_world *world,
                    const struct processors *processors, int64_t slice_ns)
{
    int64_t until_ns = dure_now() + (int64_t)((double)slice_ns * (1 - AFTER_SHARE));
    const struct handler *handler = &handlers[at->handler];
    struct point *point = compare_point(
        compare,
        &(struct place){ contestant->name, at->connections, { handler->name, at->manner } });
    struct handler_service service = { handler, world };
    struct client client = { .pid = -1, .tell_fd = -1, .told_fd = -1 };
    struct server server;
    struct load load = { .connections = at->connections,
                         .reconnects = at->reconnects,
                         .rate = at->rate,
                         .handler = handler,
                         .world = world };
    bool holds;

    if (server_start(&server, contestant, &service, processors) < 0) {
        holds = refuse(point, &server, strerror(errno));
    } else {
        load.port = server.port;
        holds = serve(point, contestant, &server, &client, &load, at, processors, until_ns);
    }
    client_stop(&client);
    server_stop(&server);
    client_fini(&client);
    return holds;
}

/* Programs on simulated hosts: a scope for each, which a crash ends. */
#include "loop/simulated.h"

#include <dure/sim.h>
#include <dure/task.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A program that was started on a host; its task frees it. */
struct program {
    struct list link;
    dure_scope scope; /* all its tasks, those of dure_go too */
    bool open;        /* the scope is */
    bool canceled;    /* before it was */
    int host;
    uint32_t incarnation;
    dure_fn *fn;
    size_t len;
    _Alignas(16) char arg[]; /* a copy, or the pointer itself */
};

static struct list programs = { &programs, &programs };

static bool refused(void)
{
    if (task_current() && world_here()->simulated)
        return false;
    dure_fail(EPERM, "no simulation runs here");
    return true;
}

static struct program *program_of(int host)
{
    struct list *node;

    for (node = programs.next; node != &programs; node = node->next) {
        struct program *program = container_of(node, struct program, link);

        if (program->host == host)
            return program;
    }
    return NULL;
}

struct scope *hosts_root(void)
{
    uint32_t host = task_current()->host;
    struct program *program = host & 0xffff ? program_of((int)(host & 0xffff)) : NULL;

    return program && program->open ? scope_of(&program->scope) : NULL;
}

static int run_program(void *arg)
{
    struct program *program = *(struct program **)arg;
    void *given = program->arg;

    if (program->len == 0)
        memcpy(&given, program->arg, sizeof given);
    task_current()->host = program->incarnation;
    dure_scope_open_with(&program->scope, &(dure_scope_options){ .flags = DURE_KEEP_GOING });
    program->open = true;
    if (program->canceled)
        dure_scope_cancel(&program->scope);
    (void)dure_spawn(&program->scope, program->fn, given, program->len); /* it may have crashed */
    dure_scope_close(&program->scope);
    list_remove(&program->link);
    free(program);
    return 0;
}

static int start(struct program *program)
{
    dure_spawn_options options = { .name = sim_host_name(program->host) };

    return dure_spawn_with((dure_scope *)(void *)&runtime_active->loops[0]->root, &options,
                           run_program, &program, sizeof program);
}

int dure_sim_start(int host, dure_fn *fn, const void *arg, size_t len)
{
    size_t size = len ? len : sizeof arg;
    struct program *program;

    if (refused())
        return -1;
    if (sim_host_boot(host) < 0)
        return (int)io_result(-EINVAL);
    program = calloc(1, sizeof *program + size);
    if (!program)
        return (int)io_result(-ENOMEM);
    program->fn = fn;
    program->host = host;
    program->incarnation = (uint32_t)sim_host_incarnation(host);
    program->len = len;
    memcpy(program->arg, len ? arg : (const void *)&arg, size);
    if (start(program) < 0) {
        free(program);
        return -1;
    }
    list_push_back(&programs, &program->link);
    return 0;
}

static void cancel_host(int host)
{
    struct list *node;

    for (node = programs.next; node != &programs; node = node->next) {
        struct program *program = container_of(node, struct program, link);

        if (host >= 0 && program->host != host)
            continue;
        program->canceled = true;
        if (program->open)
            dure_scope_cancel(&program->scope);
    }
}

void hosts_cancel(void)
{
    cancel_host(-1);
}

int dure_sim_crash(int host)
{
    if (refused())
        return -1;
    if (host <= 0 || sim_host_incarnation(host) < 0)
        return (int)io_result(-EINVAL);
    cancel_host(host);
    return (int)io_result(sim_host_crash(host));
}

int dure_sim_wait(int host)
{
    if (refused())
        return -1;
    if (host <= 0 || sim_host_incarnation(host) < 0)
        return (int)io_result(-EINVAL);
    while (program_of(host))
        if (dure_sleep_for(DURE_MILLISECOND) < 0)
            return -1;
    return 0;
}

int dure_sim_host_add(const char *name, const char *address)
{
    return refused() ? -1 : (int)io_result(sim_host_add(name, address));
}

int dure_sim_partition(int host, int other)
{
    return refused() ? -1 : (int)io_result(sim_link_cut(host, other, true));
}

int dure_sim_heal(int host, int other)
{
    return refused() ? -1 : (int)io_result(sim_link_cut(host, other, false));
}

int dure_sim_fail_descriptors(int host, unsigned nth, int lasting)
{
    return refused() ? -1 : (int)io_result(sim_host_fail(host, false, nth, lasting != 0));
}

int dure_sim_fail_memory(int host, unsigned nth, int lasting)
{
    return refused() ? -1 : (int)io_result(sim_host_fail(host, true, nth, lasting != 0));
}

unsigned dure_sim_draw(unsigned bound)
{
    return sim_draw(bound);
}

uint64_t dure_sim_hash(void)
{
    return sim_hash();
}

uint64_t dure_sim_events(void)
{
    return sim_events();
}

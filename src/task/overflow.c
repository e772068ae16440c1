#define _GNU_SOURCE 1
#include "task/overflow.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/stack.h"

/* Room for the handler, for whatever handler it may chain to, and for the registers that the kernel
   saves there (AVX-512 and AMX make that some 11 KiB). Only what is touched is ever backed. */
#define SIGNAL_STACK_SIZE ((size_t)64 << 10)

static overflow_name_fn *name_of_running;
static struct sigaction segv_before, bus_before;

static char *put_text(char *to, const char *end, const char *text)
{
    while (*text != '\0' && to < end)
        *to++ = *text++;
    return to;
}

static char *put_number(char *to, const char *end, size_t number)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return put_text(to, end, at);
}

/* With write(2) alone: the fault may have happened inside stdio or malloc. */
static _Noreturn void tell_and_abort(const char *name, size_t stack_size)
{
    char text[256];
    const char *end = text + sizeof text;
    char *at = text;

    at = put_text(at, end, "dure: stack overflow in task '");
    at = put_text(at, end, name);
    at = put_text(at, end, "': it used up its ");
    at = put_number(at, end, stack_size >> 10);
    at = put_text(at, end, " KiB. Give it a larger stack: dure_spawn_options.stack_size\n");
    if (write(STDERR_FILENO, text, (size_t)(at - text)) < 0)
        abort();
    abort();
}

static void chain(const struct sigaction *before, int signal, siginfo_t *info, void *context)
{
    struct sigaction standard = { .sa_handler = SIG_DFL };

    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(signal, info, context);
        return;
    }
    if (before->sa_handler == SIG_IGN && info->si_code <= 0)
        return;
    if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(signal);
        return;
    }
    /* The default: a fault repeats when we return and then kills; a signal that somebody sent
       does not, so it is sent again. It stays blocked until we return. */
    sigaction(signal, &standard, NULL);
    if (info->si_code <= 0)
        raise(signal);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    const char *name = NULL;
    size_t size = 0;
    char *low;

    /* si_code is positive only for the kernel's own: si_addr is then an address. */
    if (info->si_code > 0 && stack_guard_hit(info->si_addr, &low, &size))
        name = name_of_running(low);
    if (name != NULL)
        tell_and_abort(name, size);
    chain(signal == SIGSEGV ? &segv_before : &bus_before, signal, info, context);
    errno = saved_errno;
}

int overflow_init(overflow_name_fn *name)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    int rc;

    sigemptyset(&action.sa_mask);
    name_of_running = name;
    if (sigaction(SIGSEGV, &action, &segv_before) != 0)
        return -errno;
    if (sigaction(SIGBUS, &action, &bus_before) != 0) {
        rc = -errno;
        goto err_restore_segv;
    }
    return 0;

err_restore_segv:
    sigaction(SIGSEGV, &segv_before, NULL);
    return rc;
}

/* Puts back what was there, unless somebody has put a handler of his own over ours meanwhile. */
static void restore(int signal, const struct sigaction *before)
{
    struct sigaction now;

    if (sigaction(signal, NULL, &now) != 0)
        return;
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
        sigaction(signal, before, NULL);
}

void overflow_fini(void)
{
    restore(SIGBUS, &bus_before);
    restore(SIGSEGV, &segv_before);
}

int overflow_thread_init(struct overflow_thread *thread)
{
    stack_t stack;
    int rc;

    thread->size = SIGNAL_STACK_SIZE;
    thread->memory = mmap(NULL, thread->size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (thread->memory == MAP_FAILED)
        return -errno;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = thread->memory;
    stack.ss_size = thread->size;
    if (sigaltstack(&stack, &thread->before) != 0) {
        rc = -errno;
        goto err_unmap;
    }
    return 0;

err_unmap:
    munmap(thread->memory, thread->size);
    return rc;
}

void overflow_thread_fini(struct overflow_thread *thread)
{
    /* SS_ONSTACK and the like are the kernel's words, not ours to say. */
    thread->before.ss_flags &= SS_DISABLE;
    sigaltstack(&thread->before, NULL);
    munmap(thread->memory, thread->size);
}

/* Children for the tests of processes. */
#include "kids.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static pid_t spawn_shell(const char *script, int in, pid_t group)
{
    char *argv[] = { "sh", "-c", (char *)(uintptr_t)script, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t pid = -1;

    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_setsigmask(&attributes, &none);
    if (group >= 0)
        posix_spawnattr_setpgroup(&attributes, group);
    posix_spawnattr_setflags(
        &attributes, (short)(POSIX_SPAWN_SETSIGMASK | (group >= 0 ? POSIX_SPAWN_SETPGROUP : 0)));
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    CHECK_EQ(posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environ), 0);
    if (group >= 0)
        setpgid(pid, group); /* under qemu-user the child may not have come to it yet */
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return pid;
}

void kid_start(struct kid *kid, const char *script, pid_t group)
{
    char whole[512];
    int fds[2];

    kid->pid = kid->word_fd = -1;
    if (!CHECK_EQ(pipe2(fds, O_CLOEXEC), 0))
        return;
    snprintf(whole, sizeof whole, "read word; %s", script);
    kid->pid = spawn_shell(whole, fds[0], group);
    kid->word_fd = fds[1];
    close(fds[0]);
}

pid_t kid_run(const char *script)
{
    return spawn_shell(script, -1, -1);
}

void kid_go(struct kid *kid)
{
    close(kid->word_fd);
    kid->word_fd = -1;
}

void kid_ended(pid_t pid)
{
    siginfo_t info;

    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
}

bool kids_left(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

bool kids_pidfd_missing(void)
{
    return getenv("DURE_TEST_NO_PIDFD") != NULL;
}

void kids_without_pidfd(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

    if (!kids_pidfd_missing())
        return;
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

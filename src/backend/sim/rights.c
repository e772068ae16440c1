/* Descriptors that travel with a message (SCM_RIGHTS): descriptions without a number, until they are
   received and get one. A socket that lies unread in its own queue lives until its host crashes or the
   world ends, where Linux would collect it. */
#include "backend/sim/inside.h"

#include <stdlib.h>
#include <string.h>

/* The most in one message, as Linux has it. */
#define RIGHTS_MAX 253

struct sim_rights {
    struct list flying; /* in the host's */
    unsigned len;
    struct sim_file *files[];
};

/* The bytes of one piece of control data that is about descriptors; -EINVAL for any other kind. */
static int64_t bytes_of(const struct cmsghdr *control)
{
    if (control->cmsg_len < CMSG_LEN(0) || control->cmsg_level != SOL_SOCKET ||
        control->cmsg_type != SCM_RIGHTS)
        return -EINVAL;
    return (int64_t)(control->cmsg_len - CMSG_LEN(0));
}

static int add(struct sim_host *host, struct sim_rights *rights, const struct cmsghdr *control)
{
    const unsigned char *data = CMSG_DATA(control);
    int64_t len = bytes_of(control) / (int64_t)sizeof(int), i;
    int fd;

    for (i = 0; i < len; i++) {
        struct sim_file *file;

        memcpy(&fd, data + i * (int64_t)sizeof fd, sizeof fd);
        file = sim_file_of_host(fd, host);
        if (!file)
            return -EBADF;
        sim_file_hold(file);
        rights->files[rights->len++] = file;
    }
    return 0;
}

/* How many descriptors all of it names, or -EINVAL. */
static int64_t count(struct msghdr *header)
{
    struct cmsghdr *control;
    int64_t sum = 0, bytes;

    for (control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
        bytes = bytes_of(control);
        if (bytes < 0)
            return bytes;
        sum += bytes / (int64_t)sizeof(int);
    }
    return sum <= RIGHTS_MAX ? sum : -EINVAL;
}

int sim_rights_take(struct sim_host *host, const struct msghdr *header, struct sim_rights **out)
{
    struct msghdr copy = header ? *header : (struct msghdr){ 0 };
    int64_t len = count(&copy);
    struct sim_rights *rights;
    struct cmsghdr *control;
    int error = 0;

    *out = NULL;
    if (len <= 0)
        return (int)len;
    rights = malloc(sizeof *rights + (size_t)len * sizeof *rights->files);
    if (!rights)
        return -ENOMEM;
    rights->len = 0;
    list_push_back(&host->flying, &rights->flying);
    for (control = CMSG_FIRSTHDR(&copy); control && error == 0;
         control = CMSG_NXTHDR(&copy, control))
        error = add(host, rights, control);
    if (error < 0)
        sim_rights_drop(rights);
    else
        *out = rights;
    return error;
}

/* How many descriptors the header has room to tell. */
static unsigned room_of(const struct msghdr *header)
{
    return header->msg_controllen > CMSG_LEN(0)
               ? (unsigned)((header->msg_controllen - CMSG_LEN(0)) / sizeof(int))
               : 0;
}

void sim_rights_give(const struct sim_rights *rights, struct msghdr *header, int flags)
{
    struct cmsghdr control = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
    unsigned room = room_of(header), n = 0;
    char *to = header->msg_control;
    int fd;

    while (n < rights->len && n < room) {
        fd = sim_number_add(rights->files[n], flags & MSG_CMSG_CLOEXEC);
        if (fd < 0)
            break;
        memcpy(to + CMSG_LEN(n++ * sizeof fd), &fd, sizeof fd);
    }
    if (n < rights->len)
        header->msg_flags |= MSG_CTRUNC;
    control.cmsg_len = CMSG_LEN(n * sizeof fd);
    if (n > 0)
        memcpy(to, &control, sizeof control);
    if (n == 0)
        header->msg_controllen = 0;
    else if (header->msg_controllen > CMSG_SPACE(n * sizeof fd))
        header->msg_controllen = CMSG_SPACE(n * sizeof fd);
}

void sim_rights_drop(struct sim_rights *rights)
{
    if (!rights)
        return;
    list_remove(&rights->flying);
    while (rights->len > 0)
        sim_file_let_go(rights->files[--rights->len]);
    free(rights);
}

void sim_rights_forget(struct sim_host *host)
{
    struct list *node;

    for (node = host->flying.next; node != &host->flying; node = node->next)
        container_of(node, struct sim_rights, flying)->len = 0;
}

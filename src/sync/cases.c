/* The cases of a choice. */
#include "sync/channel.h"
#include "sync/choose.h"
#include "sync/future.h"

#include "loop/loop.h"

/* --- channels --- */

static struct guard *guard_of(const dure_case *c)
{
    struct dure_channel *channel = c->object;

    return channel ? &channel->guard : NULL;
}

/* result: as the calls in channel.h return it. */
static bool settle(dure_case *c, int result)
{
    c->error = result == -EPIPE ? EPIPE : 0;
    c->result = result == -EPIPE ? -1 : result;
    return result != -EAGAIN;
}

static struct sync_queue *queue_to_send(const dure_case *c)
{
    struct dure_channel *channel = c->object;

    return &channel->senders;
}

static bool take_send(dure_case *c, struct sync_node **other)
{
    return settle(c, channel_put(c->object, c->item, other));
}

static void granted_send(dure_case *c, const struct sync_node *node)
{
    settle(c, node->item == &channel_closed ? -EPIPE : 0);
}

static struct sync_queue *queue_to_receive(const dure_case *c)
{
    struct dure_channel *channel = c->object;

    return &channel->receivers;
}

static bool take_receive(dure_case *c, struct sync_node **other)
{
    return settle(c, channel_get(c->object, c->item, other));
}

static void granted_receive(dure_case *c, const struct sync_node *node)
{
    settle(c, node->item != &channel_closed);
}

static const struct dure_case_kind case_send = { guard_of, queue_to_send, take_send, granted_send },
                                   case_receive = { guard_of, queue_to_receive, take_receive,
                                                    granted_receive };

dure_case dure_case_send(dure_channel *channel, const void *item)
{
    return (dure_case){
        .kind = &case_send,
        .object = channel,
        .item = (void *)(uintptr_t)item,
    };
}

dure_case dure_case_receive(dure_channel *channel, void *item)
{
    return (dure_case){ .kind = &case_receive, .object = channel, .item = item };
}

/* --- futures --- */

static struct guard *guard_of_future(const dure_case *c)
{
    return c->object ? future_guard(c->object) : NULL;
}

static struct sync_queue *queue_of_future(const dure_case *c)
{
    struct future *future = c->object;

    return &future->queue;
}

static bool take_done(dure_case *c, struct sync_node **other)
{
    (void)other;
    return future_is_done(c->object) && settle(c, 1);
}

static void granted_done(dure_case *c, const struct sync_node *node)
{
    (void)node;
    settle(c, 1);
}

static const struct dure_case_kind case_future = { guard_of_future, queue_of_future, take_done,
                                                   granted_done };

dure_case dure_case_future(dure_future *future)
{
    return (dure_case){ .kind = &case_future, .object = future };
}

/* --- what is no object --- */

static struct guard *no_guard(const dure_case *c)
{
    (void)c;
    return NULL;
}

const struct dure_case_kind case_ready = { .guard = no_guard }, case_signal = { .guard = no_guard },
                            case_at = { .guard = no_guard }, case_default = { .guard = no_guard };

dure_case dure_case_ready(int fd, short events)
{
    return (dure_case){ .kind = &case_ready, .fd = fd, .number = (unsigned short)events };
}

dure_case dure_case_signal(const sigset_t *set, siginfo_t *info)
{
    return (dure_case){ .kind = &case_signal, .object = (void *)(uintptr_t)set, .item = info };
}

dure_case dure_case_at(dure_deadline deadline)
{
    return (dure_case){ .kind = &case_at, .number = deadline.at_ns };
}

dure_case dure_case_default(void)
{
    return (dure_case){ .kind = &case_default };
}

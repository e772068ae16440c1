/* The queue of tasks: first in, first out, and one brought forward; against a naive model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/fifo.h"

#define NODES 8
#define STEPS 100000

static struct fifo_node nodes[NODES];

/* The model: what should be in the queue, oldest first. */
static struct fifo_node *model[NODES];
static size_t model_len;

static void expect_model(struct fifo *fifo)
{
    const struct fifo_node *node = fifo->first;
    size_t i;

    assert_int_equal(fifo_empty(fifo), model_len == 0);
    for (i = 0; i < model_len; i++, node = node->next)
        assert_ptr_equal(node, model[i]);
    assert_null(node);
    assert_ptr_equal(fifo->end, model_len ? &model[model_len - 1]->next : &fifo->first);
}

static void push(struct fifo *fifo)
{
    size_t i = 0, j;

    if (model_len == NODES)
        return;
    for (j = 0; j < model_len; j++) /* the first node that is not in the queue */
        if (model[j] == &nodes[i]) {
            i++;
            j = (size_t)-1;
        }
    model[model_len++] = &nodes[i];
    fifo_push(fifo, &nodes[i]);
}

static void pop(struct fifo *fifo)
{
    struct fifo_node *expected = model_len ? model[0] : NULL;

    assert_ptr_equal(fifo_pop(fifo), expected);
    if (model_len)
        memmove(model, model + 1, --model_len * sizeof *model);
}

static void bring_forward(struct fifo *fifo, size_t skip)
{
    struct fifo_node **link = &fifo->first, *node;

    if (skip >= model_len)
        return;
    node = model[skip];
    memmove(model + 1, model, skip * sizeof *model);
    model[0] = node;
    while (skip-- > 0)
        link = &(*link)->next;
    fifo_bring_forward(fifo, link);
}

static void queue_is_its_model(void **state)
{
    const char *text = getenv("DURE_TEST_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)time(NULL);
    struct fifo fifo;
    int i;

    (void)state;
    print_message("seed: DURE_TEST_SEED=%u\n", seed);
    srand(seed);
    fifo_init(&fifo);
    for (i = 0; i < STEPS; i++) {
        switch (rand() % 5) {
        case 0:
        case 1:
            push(&fifo);
            break;
        case 2:
        case 3:
            pop(&fifo);
            break;
        default:
            bring_forward(&fifo, (size_t)rand() % NODES);
        }
        expect_model(&fifo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(queue_is_its_model) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

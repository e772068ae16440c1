/* The table of models. */
#include "cmd/models/models.h"

#include <string.h>

/* More than a machine's usual limits on processes (32,768) and threads allow. */
#define WORKERS_MAX 32768

const struct model models[] = {
    { "iterative", "one connection after the other", 1, 1, model_iterative },
    { "forking", "a process a connection", 256, WORKERS_MAX, model_forking },
    { "preforked", "a pool of processes", 16, WORKERS_MAX, model_preforked },
    { "threaded", "a thread a connection", 1024, WORKERS_MAX, model_threaded },
    { "prethreaded", "a pool of threads", 64, WORKERS_MAX, model_prethreaded },
    { "tasks", "a task a connection", 0, UINT32_MAX, model_tasks },
};
const unsigned models_len = sizeof models / sizeof models[0];

const struct model *model_find(const char *name)
{
    unsigned i;

    for (i = 0; i < models_len; i++)
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

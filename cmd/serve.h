/* What `dure serve` is told on its command line. */
#ifndef CMD_SERVE_H
#define CMD_SERVE_H

#include <stdint.h>

#include "cmd/models/models.h"
#include "http/http.h"

struct serve_settings {
    const char *dir;
    const char *address;
    uint16_t port;
    const struct model *model;
    const char *workers; /* as given; NULL: the model's usual number */
    const char *loops;
    const char *log;
    int root_fd, log_fd; /* opened from dir and log */
    http_site *site;
    struct model_service service;
};

/* Reads the options, and says what is wrong with them.
   Returns: 0 to go on, else the exit status plus one. */
int serve_read_options(struct serve_settings *settings, int argc, char **argv);

#endif

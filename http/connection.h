/* A connection, as its task and the answers see it. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <netinet/in.h>
#include <pthread.h>

#include "http/deadline.h"
#include "http/http.h"
#include "http/loop.h"
#include "http/output.h"
#include "http/request.h"

struct http_site {
    http_options options;
    struct http_limits limits;
    pthread_mutex_t lock;       /* guards lendable; held for some instructions */
    struct http_loop *lendable; /* lent to nobody: as many as were lent at once */
    unsigned loops_len;
    struct http_loop loops[];
};

/* Finds what a connection is to share with others: that of its event loop, or one that is lent to
   it alone, until it is given back. Returns: it, or NULL without memory. Threads: any. */
struct http_loop *http_site_take_loop(http_site *site);
void http_site_return_loop(http_site *site, struct http_loop *loop);

struct http_connection {
    const struct http_site *site;
    struct http_loop *loop;
    struct http_deadline deadline;
    struct http_request request;
    struct http_input input;
    struct http_output output;
    bool keep_alive;    /* the answer under way is not the last one */
    int status;         /* of that answer */
    uint64_t body_sent; /* its body's length */
    size_t peer_len;
    char peer[INET6_ADDRSTRLEN];
    /* At the end: the pages behind what has been read are never touched. A byte more than the
       longest head, so that one can be seen to be too long. */
    char bytes[HTTP_HEADER_MAX + 1024];
};

/* Answers the request, which is complete; small answers stay gathered in the output.
   Returns: 0, or -1: the connection is over. */
int http_answer(struct http_connection *connection);

/* Answers with an error's page. */
int http_answer_error(struct http_connection *connection, int status);

#endif

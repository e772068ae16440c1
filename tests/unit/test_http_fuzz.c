/* Feeds the HTTP library's parsers with requests that were damaged at random; a seed given as
   argument repeats a run. The same file is a target for libFuzzer: compile it with
   -DLIBFUZZER and clang's -fsanitize=fuzzer,address,undefined. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/conditional.h"
#include "http/date.h"
#include "http/path.h"
#include "http/range.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What an answer would do with the request. */
static void use(const struct http_request *request, const struct http_input *input)
{
    struct http_span target = http_request_target(request, input), path;
    struct http_span range = http_request_field(request, input, HTTP_FIELD_RANGE);
    struct http_conditions conditions = {
        .if_none_match = http_request_field(request, input, HTTP_FIELD_IF_NONE_MATCH),
        .if_modified_since = http_request_field(request, input, HTTP_FIELD_IF_MODIFIED_SINCE),
        .if_range = http_request_field(request, input, HTTP_FIELD_IF_RANGE),
    };
    const struct http_validators file = { { "\"a\"", 3 }, 1000000000 };
    struct http_range ranges[HTTP_RANGES_MAX];
    unsigned count, i;
    char *name;

    assert(target.data + target.len <= input->data + input->end);
    if (http_path_of_target(target, &path) == 0) {
        name = malloc(path.len + 2);
        assert(name != NULL);
        if (http_path_decode(path, name) == 0) {
            assert(name[0] != '/' && name[0] != '\0' && strlen(name) < path.len + 2);
            assert(strncmp(name, "../", 3) != 0 && strcmp(name, "..") != 0);
            assert(strstr(name, "/../") == NULL && strstr(name, "//") == NULL);
        }
        free(name);
    }
    if (range.data != NULL && http_range_read(range, 1000, ranges, &count) == HTTP_RANGE_SOME) {
        assert(count >= 1 && count <= HTTP_RANGES_MAX);
        for (i = 0; i < count; i++)
            assert(ranges[i].len > 0 && ranges[i].first + ranges[i].len <= 1000);
    }
    http_conditional(&conditions, &file);
    http_conditional_range(&conditions, &file);
}

/* The first byte says into pieces of what length the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct http_limits limits = { 512, 200, 300, 10 };
    size_t size = 600, at = 1, piece = len > 0 ? (size_t)data[0] + 1 : 1, n;
    struct http_input input = { .data = malloc(size), .size = size };
    struct http_request request;

    assert(input.data != NULL);
    http_request_init(&request, &limits);
    for (;;) {
        switch (http_request_parse(&request, &input)) {
        case HTTP_PARSED_REQUEST:
            use(&request, &input);
            if (request.keep_alive)
                continue;
            goto done;
        case HTTP_PARSED_HEAD:
            continue;
        case HTTP_PARSED_ERROR:
            assert(request.error >= 400 && request.error <= 505);
            http_request_line(&request, &input);
            goto done;
        case HTTP_PARSED_MORE:
            http_input_make_room(&input);
            n = piece < size - input.end ? piece : size - input.end;
            if (at >= len)
                goto done;
            assert(n > 0); /* there is always room to read into */
            n = n < len - at ? n : len - at;
            memcpy(input.data + input.end, data + at, n);
            input.end += n;
            at += n;
        }
    }
done:
    free(input.data);
    return 0;
}

#ifndef LIBFUZZER

static const char *const models[] = {
    "GET /a/../%2e%2e/b HTTP/1.1\r\nHost: t\r\nRange: bytes=0-1,-5,7-\r\nIf-Range: \"a\"\r\n\r\n",
    "HEAD /a?b#c HTTP/1.1\r\nHost: t\r\nIf-None-Match: W/\"a\", *\r\n"
    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "POST http://h/%41 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\nGET /c HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nabcde",
};

static uint64_t random_state;

/* xorshift64*: a seed repeats a run everywhere. */
static unsigned random_below(unsigned bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * 0x2545f4914f6cdd1du) >> 33) % bound;
}

static void damage_and_feed(void)
{
    static const char spice[] = "\r\n\t :;,-/%.?#0\\\"*\x80\xff";
    const char *model = models[random_below(sizeof models / sizeof models[0])];
    size_t len = strlen(model) + 1, at;
    uint8_t data[512];
    unsigned times;

    data[0] = (uint8_t)random_below(256);
    memcpy(data + 1, model, len - 1);
    for (times = random_below(6); times > 0; times--) {
        at = 1 + random_below((unsigned)len - 1);
        switch (random_below(3)) {
        case 0:
            data[at] = (uint8_t)spice[random_below(sizeof spice)];
            break;
        case 1:
            data[at] = (uint8_t)random_below(256);
            break;
        default: /* a piece twice */
            memmove(data + at + (len - at < 8 ? 0 : 8), data + at, len - at);
            len += len - at < 8 ? 0 : 8;
        }
    }
    LLVMFuzzerTestOneInput(data, len);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
    unsigned i;

    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    random_state = seed | 1;
    for (i = 0; i < 200000; i++)
        damage_and_feed();
    return 0;
}

#endif

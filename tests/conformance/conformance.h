/* What the tests of the public face share.

       TEST(read_gives_what_was_written)
       {
           CHECK_EQ(dure_write(fds[1], "x", 1), 1);
       }

       int main(void)
       {
           const struct CMUnitTest tests[] = { cmocka_unit_test(read_gives_what_was_written) };

           return conformance_main(tests, sizeof tests / sizeof *tests);
       }

   A body runs as the first task of a run, on the backend that DURE_BACKEND names. cmocka's asserts
   jump and so belong on the main thread's own stack: inside a run there is CHECK, which prints
   both values, remembers the failure and goes on; the test fails when the run is over. Descriptors,
   threads and tasks are counted before and after. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dure.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif

/* A test whose body is the first task of a run with two loops. */
#define TEST(name) TEST_WITH(name, .loops = 2)
/* The same with run options of its own: TEST_WITH(name, .loops = 4, .grace_ns = DURE_SECOND). */
#define TEST_WITH(name, ...)                                            \
    static void name##_body(void);                                      \
    static void name(void **state)                                      \
    {                                                                   \
        static const dure_run_options name##_options = { __VA_ARGS__ }; \
                                                                        \
        (void)state;                                                    \
        conformance_run(&name##_options, name##_body);                  \
    }                                                                   \
    static void name##_body(void)
/* A test whose body is called outside any run; it may start some. */
#define TEST_OUTSIDE(name)                \
    static void name##_body(void);        \
    static void name(void **state)        \
    {                                     \
        (void)state;                      \
        conformance_outside(name##_body); \
    }                                     \
    static void name##_body(void)

/* For tasks and threads: true if it holds; otherwise the test fails later, on the main thread. */
#define CHECK(condition) conformance_check((condition) != 0, __FILE__, __LINE__, #condition)
#define CHECK_EQ(actual, expected)                                                              \
    conformance_check_eq((intmax_t)(actual), (intmax_t)(expected), __FILE__, __LINE__, #actual, \
                         #expected)
#define CHECK_STR(actual, expected) \
    conformance_check_str((actual), (expected), __FILE__, __LINE__, #actual)
/* The text contains the words. */
#define CHECK_HAS(actual, words) \
    conformance_check_has((actual), (words), __FILE__, __LINE__, #actual)
/* The call returns -1 with this errno. */
#define CHECK_FAILS(call, error) \
    (errno = 0, conformance_check_fails((intmax_t)(call), (error), __FILE__, __LINE__, #call))

/* Lets others go first until the condition holds; fails when it does not within 30 seconds. */
#define YIELD_UNTIL(condition)                                                                  \
    do {                                                                                        \
        int64_t begun_ns_ = dure_now();                                                         \
        while (!(condition) && conformance_patience(begun_ns_, __FILE__, __LINE__, #condition)) \
            dure_yield();                                                                       \
    } while (0)

bool conformance_check(bool holds, const char *file, int line, const char *text);
bool conformance_check_eq(intmax_t actual, intmax_t expected, const char *file, int line,
                          const char *actual_text, const char *expected_text);
bool conformance_check_str(const char *actual, const char *expected, const char *file, int line,
                           const char *text);
bool conformance_check_has(const char *actual, const char *words, const char *file, int line,
                           const char *text);
bool conformance_check_fails(intmax_t result, int error, const char *file, int line,
                             const char *text);
bool conformance_patience(int64_t begun_ns, const char *file, int line, const char *text);

void conformance_run(const dure_run_options *options, void (*body)(void));
void conformance_outside(void (*body)(void));

/* Runs the tests, or says that the backend does not work here and returns 77. */
int conformance_main(const struct CMUnitTest *tests, size_t tests_len);

/* How many tasks a test at scale may have alive: `wanted`, or what a sanitizer or a slow machine
   allows, said aloud. */
unsigned conformance_scale(unsigned wanted);
/* True under Valgrind. */
bool conformance_valgrind(void);
/* How many tasks have started and not ended, on all loops; only inside a run. */
unsigned conformance_tasks(void);
/* How many descriptors this process has open. */
unsigned conformance_descriptors(void);
/* Resident memory in bytes. */
size_t conformance_resident(void);

/* A child process that runs fn on its main thread, outside any run, and exits with 0 if no CHECK
   failed there. Standard error comes back as text. For the main thread, outside a run. */
struct child {
    int status;      /* as waitpid gives it */
    char text[8192]; /* what it wrote to standard error, cut */
};
void conformance_child(struct child *child, void (*fn)(void));
/* The child ended by itself, with 0. */
#define CHECK_CHILD_OK(child) CHECK_EQ((child)->status, 0)
/* The child was stopped by abort after these words. */
#define CHECK_CHILD_ABORTED(child, words) \
    (conformance_check_aborted((child), (words), __FILE__, __LINE__))
bool conformance_check_aborted(const struct child *child, const char *words, const char *file,
                               int line);

#ifdef __cplusplus
}
#endif

#endif

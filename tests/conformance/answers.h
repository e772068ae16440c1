/* Calls that end at once: on every kind of descriptor, however unfit for the call, a twin answers as
   the plain call does, and does not wait for what never comes.

       ANSWERS_CALL(fsync, fsync(fd))

       static const struct answers_call calls[] = { ANSWERS_ROW(fsync, 0) }; */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "conformance.h"

struct answers_call {
    const char *name;
    int64_t (*plain)(int fd);
    int64_t (*twin)(int fd);
    unsigned waits; /* the flags of the kinds on which it would not end at once */
};
#define ANSWERS_ACCEPTS 0x1u /* accept and recv wait on it */
#define ANSWERS_READS 0x2u   /* a read may wait on it */
#define ANSWERS_WRITES 0x4u  /* sendfile to it may wait, or move bytes */
#define ANSWERS_NOTHING 0x8u /* even a read of nothing waits */

/* plain_call: as a program without dure has it, of `fd`. */
#define ANSWERS_CALL(name, plain_call)                                                         \
    /* Null pointers are asked about too, where the C library declares that there are none. */ \
    __attribute__((no_sanitize("nonnull-attribute"))) static int64_t plain_##name(int fd)      \
    {                                                                                          \
        return plain_call;                                                                     \
    }                                                                                          \
    static int64_t twin_##name(int fd)                                                         \
    {                                                                                          \
        return dure_##plain_call;                                                              \
    }
/* The same; of what did not fail, `told` is compared: what the call has filled in. */
#define ANSWERS_CALL_TELLS(name, plain_call, told)           \
    static int64_t plain_##name(int fd)                      \
    {                                                        \
        return plain_call < 0 ? -1 : (int64_t)(told);        \
    }                                                        \
    static int64_t twin_##name(int fd)                       \
    {                                                        \
        return dure_##plain_call < 0 ? -1 : (int64_t)(told); \
    }
/* The same for what makes a descriptor, whose number does not matter. */
#define ANSWERS_CALL_MAKES(name, plain_call)    \
    static int64_t plain_##name(int fd)         \
    {                                           \
        return answers_made(plain_call);        \
    }                                           \
    static int64_t twin_##name(int fd)          \
    {                                           \
        return answers_made(dure_##plain_call); \
    }
#define ANSWERS_ROW(name, waits)                \
    {                                           \
#name, plain_##name, twin_##name, waits \
    }

/* Closes it, and tells whether there was one. */
int64_t answers_made(int fd);
void answers_compare(const struct answers_call *calls, size_t len);
/* conformance_main, with a file for standard input, of which nothing is to be taken: its position is
   shared by all. */
int answers_main(const struct CMUnitTest *tests, size_t len);

/* The tests, in a task and on a plain thread, over `calls`, an array in scope. */
#define ANSWERS_TESTS                                         \
    TEST(every_call_on_every_kind)                            \
    {                                                         \
        answers_compare(calls, sizeof calls / sizeof *calls); \
    }                                                         \
    TEST_OUTSIDE(on_a_thread)                                 \
    {                                                         \
        answers_compare(calls, sizeof calls / sizeof *calls); \
    }                                                         \
    TEST_OUTSIDE(on_a_thread_with_a_scope)                    \
    {                                                         \
        dure_scope scope;                                     \
                                                              \
        dure_scope_open(&scope);                              \
        answers_compare(calls, sizeof calls / sizeof *calls); \
        CHECK_EQ(dure_scope_close(&scope), 0);                \
    }
#define ANSWERS_UNITS                                                          \
    cmocka_unit_test(every_call_on_every_kind), cmocka_unit_test(on_a_thread), \
        cmocka_unit_test(on_a_thread_with_a_scope)

#endif

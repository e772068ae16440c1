/* Assertions: what only a bug can break. They stay on in every build. */
#ifndef DURE_SRC_BASE_ASSERT_H
#define DURE_SRC_BASE_ASSERT_H

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Writes one line to standard error, with write(2) alone, and aborts. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

#define ASSERT(condition)                                                                     \
    do {                                                                                      \
        if (unlikely(!(condition)))                                                           \
            die("%s:%d: %s: assertion failed: %s", __FILE__, __LINE__, __func__, #condition); \
    } while (0)

#endif

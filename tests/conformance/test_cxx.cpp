// C++: what the language keeps per thread is kept per task, and scopes are left by exceptions.
#include "conformance.h"

#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>

namespace
{

struct in_catch {
    int number;
    bool wait_by_sleep;
};

// Throws, and waits inside the handler while others do the same.
int wait_in_a_catch(void *arg)
{
    const in_catch own = *static_cast<in_catch *>(arg);
    const std::string words = "task " + std::to_string(own.number);

    for (int i = 0; i < 10; i++) {
        try {
            throw std::runtime_error(words);
        } catch (const std::exception &outer) {
            CHECK_STR(outer.what(), words.c_str());
            if (own.wait_by_sleep)
                dure_sleep_for((own.number % 7 + 1) * 20 * DURE_MICROSECOND);
            else
                dure_yield();
            CHECK_STR(outer.what(), words.c_str());
            CHECK_EQ(std::uncaught_exceptions(), 0);
            try {
                dure_yield();
                throw; // the one being handled is this task's
            } catch (const std::runtime_error &inner) {
                CHECK_STR(inner.what(), words.c_str());
                dure_yield();
                CHECK(std::current_exception() != nullptr);
            }
            CHECK(&outer == &outer && outer.what() == words);
        }
        CHECK(std::current_exception() == nullptr);
        dure_yield();
    }
    return 0;
}

std::atomic<int> unwound;

struct counts_down {
    ~counts_down()
    {
        CHECK_EQ(std::uncaught_exceptions(), 1);
        dure_yield(); // waits while an exception is on its way
        CHECK_EQ(std::uncaught_exceptions(), 1);
        unwound++;
    }
};

int throw_through_frames(void *arg)
{
    (void)arg;
    try {
        counts_down inside;
        throw 42;
    } catch (int number) {
        CHECK_EQ(number, 42);
    }
    return 0;
}

int yield_in_a_catch(void *arg)
{
    (void)arg;
    try {
        throw 1;
    } catch (int) {
        dure_yield();
    }
    return 0;
}

int leave_within_by_exception(void)
{
    try {
        DURE_WITHIN(dure_after(DURE_MINUTE))
        {
            CHECK(dure_deadline_left() <= DURE_MINUTE);
            DURE_SHIELD(DURE_SECOND)
            throw std::runtime_error("out");
        }
    } catch (const std::runtime_error &) {
        return 1;
    }
    return 0;
}

int leave_within_by_return(void)
{
    DURE_WITHIN(dure_after(DURE_MILLISECOND))
    return dure_sleep_until(dure_deadline{ 0 });
    return 0;
}

} // namespace

TEST(two_tasks_wait_in_a_catch)
{
    dure_scope scope;
    dure_scope_options options = dure_scope_options();

    options.flags = DURE_SAME_LOOP;
    dure_scope_open_with(&scope, &options);
    for (int i = 0; i < 2; i++) {
        in_catch argument = { i, false };
        CHECK_EQ(dure_spawn(&scope, wait_in_a_catch, &argument, sizeof argument), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(many_tasks_wait_in_catches_on_two_loops)
{
    dure_scope scope;

    dure_scope_open(&scope);
    for (int i = 0; i < 60; i++) {
        in_catch argument = { i, i % 2 == 0 };
        CHECK_EQ(dure_spawn(&scope, wait_in_a_catch, &argument, sizeof argument), 0);
    }
    CHECK_EQ(dure_scope_close(&scope), 0);
}

TEST(tasks_wait_while_they_unwind)
{
    dure_scope scope;
    dure_scope_options options = dure_scope_options();

    unwound = 0;
    options.flags = DURE_SAME_LOOP;
    dure_scope_open_with(&scope, &options);
    for (int i = 0; i < 10; i++)
        dure_spawn(&scope, throw_through_frames, nullptr, 0);
    CHECK_EQ(dure_scope_close(&scope), 0);
    CHECK_EQ(unwound.load(), 10);
    CHECK_EQ(std::uncaught_exceptions(), 0);
}

TEST(within_is_left_by_an_exception)
{
    CHECK_EQ(leave_within_by_exception(), 1);
    CHECK_EQ(dure_deadline_left(), INT64_MAX);
    CHECK_EQ(leave_within_by_return(), -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(dure_deadline_left(), INT64_MAX);
}

// The thread that starts a run is in a catch itself.
TEST_OUTSIDE(run_inside_a_catch)
{
    try {
        throw std::runtime_error("before the run");
    } catch (const std::exception &) {
        CHECK_EQ(dure_run(yield_in_a_catch, nullptr), 0);
        try {
            throw;
        } catch (const std::runtime_error &again) {
            CHECK_STR(again.what(), "before the run");
        }
    }
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_tasks_wait_in_a_catch),
        cmocka_unit_test(many_tasks_wait_in_catches_on_two_loops),
        cmocka_unit_test(tasks_wait_while_they_unwind),
        cmocka_unit_test(within_is_left_by_an_exception),
        cmocka_unit_test(run_inside_a_catch),
    };

    return conformance_main(tests, sizeof tests / sizeof *tests);
}

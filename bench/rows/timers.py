"""Timers: what a sleep costs, and how late it ends."""

from kinds import AtMost, Program, Section


def timers(at):
    sleeps = ("tasks=10000", "sleeps=20@4")
    return Section("Timers", (
        "Sleeps of 1 to 50 ms at random, the tasks' beginnings included. dure, State Threads and "
        "Boost.Fiber wake each sleeper at its time; the others wait in the kernel for whole "
        "milliseconds, so that many wake in one turn, which is cheaper and up to a millisecond late."
        ), [
        Program("timers", "sleeps of 1 to 50 ms, 10,000 tasks", "ns of CPU a sleep", {
            "dure": at.dure("timers", *sleeps),
            "dure epoll": at.dure("timers", "backend=epoll", *sleeps),
            "libuv": at.peer("libuv", "timers", *sleeps),
            "libevent": at.peer("libevent", "timers", *sleeps),
            "State Threads": at.peer("st", "waits", *sleeps),
            "Boost.Fiber": at.peer("boost", "waits", *sleeps),
            "Go": at.peer("go", "waits", *sleeps),
            "tokio": at.peer("tokio", "waits", *sleeps),
        }),
        Program("timer-moved", "a timer taken out and put in again, a million others", "ns of CPU", {
            "dure": at.micro("timers", "moved"),
        }, {"dure": AtMost(120)}),
        Program("timers-longest", "the longest turn of the wheel, a million timers a minute",
                "us of CPU", {
                    "dure": at.micro("timers", "longest"),
                }, {"dure": AtMost(200)}, key="us", rounds_max=7),
        Program("late", "the latest of 200 sleepers among a million timers", "us late", {
            "dure": at.dure("late", "others=1000000@10000"),
            "dure, no other timers": at.dure("late", "others=0"),
        }, {"dure": AtMost(200)}, key="us", rounds_max=7),
    ])

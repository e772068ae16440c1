/* dure: cooperative concurrency for C. All of it; each header stands alone too. */
#ifndef DURE_H
#define DURE_H

#include <dure/barrier.h>
#include <dure/base.h>
#include <dure/blocking.h>
#include <dure/channel.h>
#include <dure/choose.h>
#include <dure/cond.h>
#include <dure/directory.h>
#include <dure/event.h>
#include <dure/file.h>
#include <dure/future.h>
#include <dure/inspect.h>
#include <dure/io.h>
#include <dure/local.h>
#include <dure/mutex.h>
#include <dure/names.h>
#include <dure/once.h>
#include <dure/process.h>
#include <dure/path.h>
#include <dure/op.h>
#include <dure/reader.h>
#include <dure/run.h>
#include <dure/rwlock.h>
#include <dure/scope.h>
#include <dure/semaphore.h>
#include <dure/signal.h>
#include <dure/sim.h>
#include <dure/socket.h>
#include <dure/task.h>
#include <dure/time.h>
#include <dure/tty.h>
#include <dure/wait_group.h>

#endif

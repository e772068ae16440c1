/* Twins on terminals. */
#ifndef DURE_TTY_H
#define DURE_TTY_H

#include <termios.h>

#include <dure/base.h>

DURE_BEGIN_DECLS

/* Waits until all that was written to a terminal has been sent.
   Cancellation: exact. Source: POSIX.1-2017 tcdrain. */
DURE_API int dure_tcdrain(int fd);
/* Sets a terminal's parameters; TCSADRAIN and TCSAFLUSH wait first, as dure_tcdrain.
   Cancellation: exact, where it waits. Source: POSIX.1-2017 tcsetattr. */
DURE_API int dure_tcsetattr(int fd, int actions, const struct termios *termios);

DURE_END_DECLS

#endif

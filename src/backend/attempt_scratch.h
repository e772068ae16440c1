/* What op->scratch means to attempt.c and perform.c, and the sizes they share. */
#ifndef DURE_SRC_BACKEND_ATTEMPT_SCRATCH_H
#define DURE_SRC_BACKEND_ATTEMPT_SCRATCH_H

#define SCRATCH_CONNECTING 0x1u /* connect was begun: ask how it ended */
#define SCRATCH_COLD 0x2u       /* sendfile met a piece that is not in memory: read it in */
#define SCRATCH_WARM 0x4u       /* it was read in: send it without looking again */

/* The most that one sendfile moves: as much as a thread should read in at once, and so much that
   the calls around it (0.5 us) do not count. */
#define SENDFILE_PIECE_MAX (512u << 10)
#define SENDFILE_COPY_MAX (64u << 10)

#endif

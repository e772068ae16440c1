/* dure compare where it was not built. */
#include <stdio.h>

#include "cmd/cmd.h"

int cmd_compare(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs("dure compare: this dure was built without it; install libjansson-dev and build again\n",
          stderr);
    return 1;
}

/* The program's subcommands: one file each, listed in main.c. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

/* Runs a subcommand. argv[0] is its name. Returns: the process's exit status; 2 means that it
   was called wrongly, and was said so. */
int cmd_serve(int argc, char **argv);
int cmd_compare(int argc, char **argv);

#endif

/* The subcommands of tollgate(8): each takes its own argc and argv, returns an exit code of sysexits.h. */
#ifndef TOLLGATE_CMD_H
#define TOLLGATE_CMD_H

int cmd_check(int argc, char **argv);

#endif

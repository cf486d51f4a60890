/*
 * command.h: the subcommands of socksan, one entry point each. argv[0] is the subcommand's name.
 * Each returns the process's exit status. main.c holds the table.
 */
#ifndef SOCKSAN_COMMAND_H
#define SOCKSAN_COMMAND_H

int command_run(int argc, char **argv);
int command_report(int argc, char **argv);
int command_sockets(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_explain(int argc, char **argv);

#endif

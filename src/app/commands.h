/* commands.h — the commands of `tamis`. */
#ifndef TAMIS_COMMANDS_H
#define TAMIS_COMMANDS_H

#include "cli.h"
#include "session.h"

extern const struct cli_command commands[];

/* Each returns an enum cli_exit. */
int command_serve(const struct cli *cli);    /* serve.c */
int command_import(const struct cli *cli);   /* import_cli.c */
int command_backup(const struct cli *cli);   /* backup_cli.c */
int command_restore(const struct cli *cli);  /* restore_cli.c */
int command_export(const struct cli *cli);   /* export_cli.c */
int command_doctor(const struct cli *cli);   /* doctor_cli.c */
int command_query(const struct cli *cli);    /* query_cli.c */
int command_funnel(const struct cli *cli);   /* funnel_cli.c */
int command_journey(const struct cli *cli);  /* funnel_cli.c */
int command_goal_add(const struct cli *cli); /* goals_cli.c */
int command_goal_list(const struct cli *cli);
int command_goal_remove(const struct cli *cli);

/* Opens the folder, runs the verb with the command's arguments, closes. */
int command_ask(const struct cli *cli, const char *verb, json_t **ret, struct err *err) WARN_UNUSED;

/* Says what went wrong on stderr; returns the exit code for it. */
int command_failed(const struct err *err);

/* Prints JSON on stdout, one line. */
void command_print_json(const json_t *j);

#endif

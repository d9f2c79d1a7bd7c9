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
int command_cohorts(const struct cli *cli);  /* cohorts_cli.c */
int command_journey(const struct cli *cli);  /* funnel_cli.c */
int command_goal_add(const struct cli *cli); /* goals_cli.c */
int command_goal_list(const struct cli *cli);
int command_goal_remove(const struct cli *cli);
int command_site_add(const struct cli *cli); /* records_cli.c */
int command_site_list(const struct cli *cli);
int command_site_set(const struct cli *cli);
int command_site_remove(const struct cli *cli);
int command_site_block_add(const struct cli *cli);
int command_site_block_list(const struct cli *cli);
int command_site_block_remove(const struct cli *cli);
int command_token_add(const struct cli *cli);
int command_token_list(const struct cli *cli);
int command_token_remove(const struct cli *cli);
int command_erase(const struct cli *cli);
int command_purges(const struct cli *cli);
int command_notes(const struct cli *cli);
int command_version(const struct cli *cli);

/* Opens the folder, runs the verb with the command's arguments, closes. */
int command_ask(const struct cli *cli, const char *verb, json_t **ret, struct err *err) WARN_UNUSED;

/* The same, printed by `print` (NULL: nothing is) or as JSON; returns the exit code. */
int command_run(const struct cli *cli, const char *verb, void (*print)(const json_t *reply));

/* The same for verbs that take the id of what they remove. */
int command_remove(const struct cli *cli, const char *verb);

/* Says what went wrong on stderr; returns the exit code for it. */
int command_failed(const struct err *err);

/* Prints JSON on stdout, one line. */
void command_print_json(const json_t *j);

/* Members of a reply: "" and 0 when they are missing. */
const char *command_text(const json_t *row, const char *key);
long long command_number(const json_t *row, const char *key);

void command_print_id(const json_t *reply);

#endif

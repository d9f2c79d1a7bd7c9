/* views_cli.h — the rows of the command table for consolidated views. */
#ifndef TAMIS_VIEWS_CLI_H
#define TAMIS_VIEWS_CLI_H

#include "cli.h"

/* Each returns an enum cli_exit. */
int command_view_add(const struct cli *cli);
int command_view_list(const struct cli *cli);
int command_view_set(const struct cli *cli);
int command_view_remove(const struct cli *cli);

extern const struct cli_option view_add_options[], view_set_options[];

/* clang-format off */
#define VIEW_COMMANDS                                                                              \
    {.words = "view add", .operand = "NAME", .operand_key = "name", .least_operands = 1,           \
     .most_operands = 1, .options = view_add_options,                                              \
     .text = "make a view, which adds up the figures of several sites; prints its id",             \
     .run = command_view_add},                                                                     \
    {.words = "view list", .text = "list the views and their sites", .run = command_view_list},    \
    {.words = "view set", .operand = "NAME", .operand_key = "view", .least_operands = 1,           \
     .most_operands = 1, .options = view_set_options,                                              \
     .text = "change a view's name or sites", .run = command_view_set},                            \
    {.words = "view remove", .operand = "NAME", .operand_key = "view", .least_operands = 1,        \
     .most_operands = 1, .text = "remove a view and its tokens; its sites stay",                   \
     .run = command_view_remove}
/* clang-format on */

#endif

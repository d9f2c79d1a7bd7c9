/* saved_cli.h — the rows of the command table for segments and annotations. */
#ifndef TAMIS_SAVED_CLI_H
#define TAMIS_SAVED_CLI_H

#include "cli.h"

/* Each returns an enum cli_exit. */
int command_segment_add(const struct cli *cli);
int command_segment_list(const struct cli *cli);
int command_segment_remove(const struct cli *cli);
int command_annotate(const struct cli *cli);
int command_annotate_list(const struct cli *cli);
int command_annotate_remove(const struct cli *cli);

extern const struct cli_option segment_add_options[], segment_remove_options[], annotate_options[],
    saved_site_options[];

/* clang-format off */
#define SAVED_COMMANDS                                                                             \
    {.words = "segment add", .options = segment_add_options,                                       \
     .text = "save filters under a name; prints its id", .run = command_segment_add},              \
    {.words = "segment list", .options = saved_site_options,                                       \
     .text = "list the saved filters of a site", .run = command_segment_list},                     \
    {.words = "segment remove", .options = segment_remove_options,                                 \
     .text = "forget saved filters", .run = command_segment_remove},                               \
    {.words = "annotate list", .options = saved_site_options,                                      \
     .text = "list the notes on days of a site", .run = command_annotate_list},                    \
    {.words = "annotate remove", .operand = "ID", .operand_key = "id", .least_operands = 1,        \
     .most_operands = 1, .text = "remove a note", .run = command_annotate_remove},                 \
    {.words = "annotate", .operand = "TEXT", .operand_key = "text", .least_operands = 1,           \
     .most_operands = 1, .options = annotate_options,                                              \
     .text = "note something on a day of the chart; prints its id", .run = command_annotate}
/* clang-format on */

#endif

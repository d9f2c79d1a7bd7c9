/* cohorts_cli.c — `tamis cohorts`: who came back, as a table. */
#include "commands.h"

/* "100%", "26%": of those who came first in that period. */
static void print_share(long long visitors, long long returned) {
    if (visitors == 0)
        (void)printf("  %5s", "-");
    else
        (void)printf("  %4lld%%", (returned * 100 + visitors / 2) / visitors);
}

static void print_head(const char *period, size_t count) {
    (void)printf("%-11s %9s", "first came", "visitors");
    for (size_t i = 0; i < count; i++)
        (void)printf("  +%-4zu", i);
    (void)printf("  %ss\n", period);
}

static void print_cohort(const json_t *row) {
    const json_t *returned = json_member(row, "returned");
    long long visitors = command_number(row, "visitors");
    (void)printf("%-11s %9lld", command_text(row, "cohort"), visitors);
    for (size_t i = 0; i < json_array_size(returned); i++) {
        print_share(visitors, (long long)json_integer_value(json_array_get(returned, i)));
    }
    (void)printf("\n");
}

static void print_cohorts(const json_t *reply) {
    const json_t *cohorts = json_member(reply, "cohorts");
    size_t count = json_array_size(cohorts);
    print_head(command_text(reply, "period"), count);
    for (size_t i = 0; i < count; i++)
        print_cohort(json_array_get(cohorts, i));
    (void)printf("The %s from %s on is not over: the last figure of each line still grows.\n",
                 command_text(reply, "period"), command_text(reply, "unfinished"));
    const char *since = command_text(reply, "diary_from");
    if (*since)
        (void)printf("Visitors have been known again since %s.\n", since);
}

int command_cohorts(const struct cli *cli) {
    return command_run(cli, "cohorts", print_cohorts);
}

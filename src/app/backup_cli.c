/* backup_cli.c — `tamis backup`: begins one, has it work on, shows how it goes. */
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "os.h"
#include "progress.h"

/* The server has a working folder of its own. */
static char *absolute(const char *dir) {
    if (dir[0] == '/')
        return strdup(dir);
    CLEANUP(free_charp) char *here = getcwd(NULL, 0);
    return here ? path_join(here, dir) : NULL;
}

static double number(const json_t *reply, const char *key) {
    return (double)json_integer_value(json_member(reply, key));
}

/* *ret: the reply of the last step. */
static int work(struct session *s, const json_t *begun, json_t **ret, struct err *err) {
    JSON_AUTO args = json_pack("{s:O}", "id", json_member(begun, "id"));
    double all = number(begun, "bytes") + 1;
    struct progress p;
    progress_begin(&p);
    for (;;) {
        JSON_AUTO reply = NULL;
        int rc = session_call(s, "backup.step", args, SPAN_EMPTY, &reply, err);
        if (rc < 0 || json_is_true(json_member(reply, "done"))) {
            progress_end(&p);
            if (rc == 0)
                *ret = TAKE_PTR(reply);
            return rc;
        }
        progress_show(&p, number(reply, "bytes") / all, number(reply, "bytes") / 1e6, "MB");
    }
}

static int run(struct session *s, const struct cli *cli, json_t **ret, struct err *err) {
    CLEANUP(free_charp) char *dir = absolute(json_string_value(json_member(cli->args, "dir")));
    JSON_AUTO args =
        json_pack("{s:s?, s:b}", "dir", dir, "copy", json_is_true(json_member(cli->args, "copy")));
    JSON_AUTO begun = NULL;
    int rc = session_call(s, "backup.begin", args, SPAN_EMPTY, &begun, err);
    return rc < 0 ? rc : work(s, begun, ret, err);
}

static void print(const json_t *reply) {
    (void)printf("%.0f files, %.1f MB: %.0f copied (%.1f MB), %.0f linked, %.0f there already; "
                 "%.0f old ones removed\n",
                 number(reply, "files"), number(reply, "bytes") / 1e6, number(reply, "copied"),
                 number(reply, "copied_bytes") / 1e6, number(reply, "linked"),
                 number(reply, "kept"), number(reply, "removed"));
    (void)printf("left out: the day's salts in keys/, since a key must not outlive its day, and "
                 "hot/, which is made "
                 "again\n");
}

int command_backup(const struct cli *cli) {
    JSON_AUTO reply = NULL;
    struct err err = {0};
    struct session s;
    if (access(cli->data, F_OK) < 0) {
        (void)err_set(&err, ERR_NOT_FOUND, "there is no folder %.150s", cli->data);
        return command_failed(&err);
    }
    if (session_open(&s, cli->data, "backup.begin", &err) < 0)
        return command_failed(&err);
    int rc = run(&s, cli, &reply, &err);
    session_close(&s);
    if (rc < 0)
        return command_failed(&err);
    if (cli->json)
        command_print_json(reply);
    else
        print(reply);
    return EXIT_FINE;
}

/* doctor_cli.c — `tamis doctor`. */
#include <unistd.h>

#include "commands.h"
#include "progress.h"

/* Appends what is found in the sealed files to `report`. */
static int verify(struct session *s, json_t *report, struct err *err) {
    JSON_AUTO nothing = json_object();
    JSON_AUTO parts = NULL;
    int rc = session_call(s, "doctor.parts", nothing, SPAN_EMPTY, &parts, err);
    double all = 1, done = 0;
    size_t i, before = json_array_size(report);
    json_t *part;
    json_array_foreach (parts, i, part)
        all += (double)json_integer_value(json_member(part, "bytes"));
    struct progress bar;
    progress_begin(&bar);
    for (i = 0; rc >= 0 && i < json_array_size(parts); i++) {
        JSON_AUTO found = NULL;
        part = json_array_get(parts, i);
        rc = session_call(s, "doctor.part", part, SPAN_EMPTY, &found, err);
        if (rc >= 0)
            (void)json_array_extend(report, found);
        done += (double)json_integer_value(json_member(part, "bytes"));
        progress_show(&bar, done / all, done / 1e6, "MB");
    }
    progress_end(&bar);
    if (rc < 0 || json_array_size(report) > before)
        return rc;
    char text[80];
    (void)snprintf(text, sizeof(text), "%zu parts, %.1f MB, as they were recorded",
                   json_array_size(parts), done / 1e6);
    (void)json_array_append_new(
        report, json_pack("{s:s, s:b, s:s}", "check", "sealed", "ok", 1, "text", text));
    return 0;
}

static int ask(const struct cli *cli, json_t **ret, struct err *err) {
    struct session s;
    int rc = session_open(&s, cli->data, "doctor", err);
    if (rc < 0)
        return rc;
    JSON_AUTO nothing = json_object();
    JSON_AUTO report = NULL;
    rc = session_call(&s, "doctor", nothing, SPAN_EMPTY, &report, err);
    if (rc >= 0 && json_is_true(json_member(cli->args, "verify")))
        rc = verify(&s, report, err);
    session_close(&s);
    if (rc >= 0)
        *ret = TAKE_PTR(report);
    return rc;
}

int command_doctor(const struct cli *cli) {
    JSON_AUTO report = NULL;
    struct err err = {0};
    if (access(cli->data, F_OK) < 0) {
        (void)err_set(&err, ERR_NOT_FOUND, "there is no folder %.150s", cli->data);
        return command_failed(&err);
    }
    if (ask(cli, &report, &err) < 0)
        return command_failed(&err);
    if (cli->json)
        command_print_json(report);
    bool fine = true;
    size_t i;
    json_t *row;
    json_array_foreach (report, i, row) {
        bool ok = json_is_true(json_member(row, "ok"));
        fine &= ok;
        if (!cli->json)
            (void)printf("%-8s %-12s %s\n", ok ? "ok" : "FINDING",
                         json_string_value(json_member(row, "check")),
                         json_string_value(json_member(row, "text")));
    }
    return fine ? EXIT_FINE : EXIT_FINDINGS;
}

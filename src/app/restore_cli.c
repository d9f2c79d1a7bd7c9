/* restore_cli.c — `tamis restore`. */
#include "backup_sweep.h"
#include "commands.h"
#include "progress.h"
#include "restore.h"

struct run {
    struct progress bar;
    bool json;
    json_t *damaged; /* an array of names */
};

static void on_progress(void *arg, uint64_t done, uint64_t all) {
    struct run *run = arg;
    progress_show(&run->bar, (double)done / ((double)all + 1), (double)done / 1e6, "MB");
}

static void on_damaged(void *arg, const char *file, const char *why) {
    struct run *run = arg;
    (void)json_array_append_new(run->damaged, json_string(file));
    progress_end(&run->bar);
    if (!run->json)
        (void)printf("FINDING  %s: %s\n", file, why);
}

static void print(const struct run *run, const struct manifest *m, const char *done) {
    double bytes = 0;
    for (size_t i = 0; i < m->count; i++)
        bytes += (double)m->files[i].bytes;
    JSON_AUTO reply = json_pack("{s:I, s:I, s:O}", "files", (json_int_t)m->count, "bytes",
                                (json_int_t)bytes, "damaged", run->damaged);
    if (run->json)
        command_print_json(reply);
    else if (done)
        (void)printf("%s %zu files, %.1f MB\n", done, m->count, bytes / 1e6);
}

static int restore(const struct cli *cli, struct run *run, struct err *err) {
    bool only_verify = json_is_true(json_member(cli->args, "verify"));
    struct restore r = {.backup = json_string_value(json_member(cli->args, "backup")),
                        .progress = on_progress,
                        .damaged = on_damaged,
                        .arg = run};
    CLEANUP(manifest_release) struct manifest m = {0};
    CLEANUP(closep) int hold = -1;
    uint64_t damaged = 0;
    progress_begin(&run->bar);
    if (backup_hold(r.backup, &hold, err) < 0 || restore_verify(&r, &m, &damaged, err) < 0)
        return command_failed(err);
    progress_end(&run->bar);
    if (damaged) {
        print(run, &m, NULL);
        if (only_verify)
            return EXIT_FINDINGS;
        (void)err_set(err, ERR_CORRUPT, "the backup is damaged; nothing was restored");
        return command_failed(err);
    }
    if (!only_verify) {
        progress_begin(&run->bar);
        if (restore_fill(&r, &m, cli->data, err) < 0)
            return command_failed(err);
        progress_end(&run->bar);
    }
    print(run, &m, only_verify ? "verified" : "restored");
    return EXIT_FINE;
}

int command_restore(const struct cli *cli) {
    struct err err = {0};
    if (!cli->data && !json_is_true(json_member(cli->args, "verify"))) {
        (void)err_set(&err, ERR_INVALID, "--data DIR is missing");
        return command_failed(&err);
    }
    struct run run = {.json = cli->json, .damaged = json_array()};
    int code = restore(cli, &run, &err);
    progress_end(&run.bar);
    json_decref(run.damaged);
    return code;
}

#include <curl/curl.h>
#include <signal.h>

#include "commands.h"
#include "crypt.h"

int main(int argc, char **argv) {
    (void)signal(SIGPIPE, SIG_IGN);
    if (crypt_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fputs("tamis: a library does not start\n", stderr);
        return EXIT_FAILED;
    }
    struct cli cli;
    struct err err = {0};
    int rc = cli_parse(argc - 1, argv + 1, commands, getenv("TAMIS_DATA"), &cli, &err);
    int code = EXIT_FINE;
    if (rc < 0) {
        code = command_failed(&err);
        (void)fprintf(stderr, "`tamis %s%s--help` tells more.\n",
                      cli.command ? cli.command->words : "", cli.command ? " " : "");
    } else if (cli.help) {
        BUF_AUTO text = {0};
        cli_help(commands, cli.command, &text);
        (void)fwrite(text.data, 1, text.len, stdout);
    } else {
        code = cli.command->run(&cli);
    }
    cli_release(&cli);
    if (fflush(stdout) != 0 && code == EXIT_FINE)
        code = EXIT_FAILED;
    return code;
}

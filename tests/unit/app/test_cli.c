#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../src/app/cli.h"

static const struct cli_option options[] = {
    {"zone", "timezone", CLI_TEXT, "ZONE", "text"},
    {"keep", "keep", CLI_LIST, "NAME", "text"},
    {"signals", "signals", CLI_BOOL, "on|off", "text"},
    {"force", "force", CLI_FLAG, NULL, "text"},
    {0},
};
static const struct cli_command commands[] = {
    {.words = "site add",
     .operand = "DOMAIN",
     .operand_key = "domain",
     .least_operands = 1,
     .most_operands = 1,
     .options = options,
     .text = "add"},
    {.words = "load",
     .operand = "FILE",
     .operand_key = "files",
     .least_operands = 1,
     .most_operands = 9,
     .text = "load"},
    {.words = "query", .takes_request = true, .text = "query"},
    {.words = "version", .no_data = true, .text = "version"},
    {0},
};

#define PARSE(cli, err, ...)                                                   \
    ({                                                                         \
        char *argv_[] = {__VA_ARGS__};                                         \
        cli_parse((int)ARRAY_LEN(argv_), argv_, commands, NULL, (cli), (err)); \
    })

static void test_arguments(void **state) {
    struct cli cli;
    struct err err = {0};
    assert_int_equal(PARSE(&cli, &err, "site", "add", "a.example", "--data", "D", "--zone=UTC",
                           "--keep", "q", "--keep", "r", "--signals", "off", "--force", "--json"),
                     0);
    assert_string_equal(cli.command->words, "site add");
    assert_string_equal(cli.data, "D");
    assert_true(cli.json);
    BUF_AUTO text = {0};
    assert_int_equal(json_write(cli.args, &text, &err), 0);
    assert_string_equal(buf_cstr(&text),
                        "{\"domain\":\"a.example\",\"timezone\":\"UTC\","
                        "\"keep\":[\"q\",\"r\"],\"signals\":false,\"force\":true}");
    cli_release(&cli);
}

static void test_request(void **state) {
    struct cli cli;
    assert_int_equal(PARSE(&cli, NULL, "query", "--json", "{\"a\":1}", "--data", "D"), 0);
    assert_int_equal(json_integer_value(json_member(json_member(cli.args, "query"), "a")), 1);
    cli_release(&cli);
    assert_int_equal(PARSE(&cli, NULL, "query", "--json", "--data", "D"), 0);
    assert_true(cli.json);
    assert_null(json_member(cli.args, "query"));
    cli_release(&cli);
    assert_int_equal(PARSE(&cli, NULL, "query", "--json", "{\"a\":", "--data", "D"), ERR_INVALID);
    cli_release(&cli);
}

static void test_operands(void **state) {
    struct cli cli;
    assert_int_equal(PARSE(&cli, NULL, "load", "-", "b", "--data", "D", "--", "--c"), 0);
    assert_int_equal(json_array_size(json_member(cli.args, "files")), 3);
    cli_release(&cli);
    assert_int_equal(PARSE(&cli, NULL, "version"), 0);
    cli_release(&cli);
}

static void refused(int argc, char *const *argv, const char *says) {
    struct cli cli;
    struct err err = {0};
    assert_int_equal(cli_parse(argc, argv, commands, NULL, &cli, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, says));
    cli_release(&cli);
}

static void test_refuses(void **state) {
    refused(0, NULL, "command is missing");
    refused(1, (char *[]){"dance"}, "unknown command dance");
    refused(1, (char *[]){"site"}, "unknown command");
    refused(2, (char *[]){"site", "add"}, "DOMAIN is missing");
    refused(3, (char *[]){"site", "add", "a"}, "--data");
    refused(5, (char *[]){"site", "add", "a", "--colour", "red"}, "unknown option --colour");
    refused(4, (char *[]){"site", "add", "a", "-x"}, "unknown option -x");
    refused(4, (char *[]){"site", "add", "a", "b"}, "unexpected argument b");
    refused(4, (char *[]){"site", "add", "a", "--zone"}, "--zone needs a value");
    refused(4, (char *[]){"site", "add", "a", "--force=1"}, "takes no value");
    refused(5, (char *[]){"site", "add", "a", "--signals", "maybe"}, "on or off");
    refused(4, (char *[]){"site", "add", "a\xff", "--force"}, "UTF-8");
}

static void test_help(void **state) {
    struct cli cli;
    assert_int_equal(PARSE(&cli, NULL, "site", "add", "--help"), 0);
    assert_true(cli.help);
    BUF_AUTO text = {0};
    cli_help(commands, cli.command, &text);
    assert_non_null(strstr(buf_cstr(&text), "--zone ZONE"));
    cli_release(&cli);
    assert_int_equal(PARSE(&cli, NULL, "--help"), 0);
    assert_null(cli.command);
    cli_release(&cli);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_request),
        cmocka_unit_test(test_operands),  cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

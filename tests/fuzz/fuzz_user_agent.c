/* fuzz_user_agent.c — any bytes as a user agent, with an e-mail address and an IP address planted
 * in them, which must never come out. */
#include "crypt.h"
#include "must.h"
#include "ua.h"

static struct ua_lane *lane;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct ua *ua = NULL;
    must(crypt_init() == 0);
    must(ua_open(&ua, NULL) == 0);
    must(ua_lane_new(ua, &lane, NULL) == 0);
    return 0;
}

static void check_field(const char *text, size_t room) {
    struct span s = span_of(text, strnlen(text, room));
    must(s.len < room);
    must(span_is_utf8(s));
    must(span_find(s, '@', 0) == s.len);
    must(span_find_span(s, SPAN_LIT("zyqx")) == SIZE_MAX);
    must(span_find_span(s, SPAN_LIT("203.0")) == SIZE_MAX &&
         span_find_span(s, SPAN_LIT("113.77")) == SIZE_MAX);
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        digits = ascii_is_digit(s.ptr[i]) ? digits + 1 : 0;
        must(digits <= 5);
        must((unsigned char)s.ptr[i] >= ' ');
    }
}

static void check(struct span user_agent) {
    struct ua_info first = *ua_lookup(lane, user_agent);
    check_field(first.browser, sizeof(first.browser));
    check_field(first.browser_version, sizeof(first.browser_version));
    check_field(first.os, sizeof(first.os));
    check_field(first.os_version, sizeof(first.os_version));
    check_field(first.device, sizeof(first.device));
    must(memcmp(&first, ua_lookup(lane, user_agent), sizeof(first)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char planted[] = "zyqx@example.org 203.0.113.77 zyqx";
    static char text[1 << 17];
    if (size < 2 || size + sizeof(planted) > sizeof(text))
        return 0;
    size_t at = ((size_t)data[0] << 8 | data[1]) % (size - 1);
    const char *rest = (const char *)data + 2;
    size -= 2;
    check(span_of(rest, size));
    memcpy(text, rest, at);
    memcpy(text + at, planted, sizeof(planted) - 1);
    memcpy(text + at + sizeof(planted) - 1, rest + at, size - at);
    check(span_of(text, size + sizeof(planted) - 1));
    return 0;
}

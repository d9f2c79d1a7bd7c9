#include "ua_name.h"

#include "attr.h"

enum { MOST_DIGITS = 4, MOST_MAJOR_DIGITS = 5, QUAD_DOTS = 3 };

struct rename {
    const char *from; /* a final '*' stands for any rest */
    const char *to;
};

static const struct rename browser_names[] = {
    {"AOL*", "AOL"},
    {"Android", "Android Browser"},
    {"Baidu Explorer", "Baidu Browser"},
    {"BlackBerry WebKit", "BlackBerry"},
    {"Bon Echo", "Firefox"},
    {"Chrome Frame", "Chrome"},
    {"Chrome Mobile WebView", "Android WebView"},
    {"Chrome Mobile*", "Chrome"},
    {"Chromium Browser", "Chromium"},
    {"DuckDuckGo Mobile", "DuckDuckGo"},
    {"Edge Mobile", "Edge"},
    {"Firefox (*", "Firefox"},
    {"Firefox Alpha", "Firefox"},
    {"Firefox Beta", "Firefox"},
    {"Firefox Mobile", "Firefox"},
    {"Firefox iOS", "Firefox"},
    {"IE*", "Internet Explorer"},
    {"MiuiBrowser", "MIUI Browser"},
    {"Mobile Safari UI/WKWebView", "Safari (in-app)"},
    {"Mobile Safari", "Safari"},
    {"MozillaDeveloperPreview", "Firefox"},
    {"Opera Mobile", "Opera"},
    {"Opera Tablet", "Opera"},
    {"PaleMoon", "Pale Moon"},
    {"QQ Browser M*", "QQ Browser"},
    {"WebKit Nightly", "Safari"},
};

static const struct rename os_names[] = {
    {"ATV OS X", "tvOS"},  {"BREW", "Brew MP"},    {"GoogleTV", "Google TV"},
    {"Mac OS X", "macOS"}, {"Other", ""},          {"Symbian*", "Symbian"},
    {"VRE", ""},           {"WatchOS", "watchOS"}, {"Web0S", "webOS"},
};

/* Versions that are words. */
static const char *const releases[] = {"CE", "ME", "NT", "Vista", "XP"};

static const char *const unversioned[] = {"Chrome OS", "Linux", "Mac OS"};

static const struct rename os_devices[] = {
    {"Arch Linux", "Desktop"},
    {"BSD", "Desktop"},
    {"BackTrack", "Desktop"},
    {"Bada", "Mobile"},
    {"BlackBerry OS", "Mobile"},
    {"BlackBerry Tablet OS", "Tablet"},
    {"Brew MP", "Mobile"},
    {"CentOS", "Desktop"},
    {"Chrome OS", "Desktop"},
    {"Chromecast", "TV"},
    {"Debian", "Desktop"},
    {"Fedora", "Desktop"},
    {"FireHbbTV", "TV"},
    {"Firefox OS", "Mobile"},
    {"FreeBSD", "Desktop"},
    {"Gentoo", "Desktop"},
    {"Google TV", "TV"},
    {"KaiOS", "Mobile"},
    {"Kindle", "Tablet"},
    {"Kubuntu", "Desktop"},
    {"Linux Mint", "Desktop"},
    {"Linux", "Desktop"},
    {"Lubuntu", "Desktop"},
    {"Mac OS", "Desktop"},
    {"Mageia", "Desktop"},
    {"Mandriva", "Desktop"},
    {"MeeGo", "Mobile"},
    {"NetBSD", "Desktop"},
    {"Nokia Series*", "Mobile"},
    {"OpenBSD", "Desktop"},
    {"PCLinuxOS", "Desktop"},
    {"Puppy", "Desktop"},
    {"Red Hat", "Desktop"},
    {"Roku", "TV"},
    {"SUSE", "Desktop"},
    {"Sailfish", "Mobile"},
    {"SerenityOS", "Desktop"},
    {"Slackware", "Desktop"},
    {"Solaris", "Desktop"},
    {"Symbian", "Mobile"},
    {"Tizen", "Mobile"},
    {"Ubuntu", "Desktop"},
    {"WebTV", "TV"},
    {"Windows Mobile", "Mobile"},
    {"Windows Phone", "Mobile"},
    {"Windows", "Desktop"},
    {"iOS", "Mobile"},
    {"macOS", "Desktop"},
    {"openSUSE", "Desktop"},
    {"tvOS", "TV"},
};

static bool is_letter(char c) {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

bool ua_name_is_family(struct span s) {
    static const char between[] = " ._-+/!";
    size_t letters = 0, digits_in_row = 0, dots = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        digits_in_row = ascii_is_digit(c) ? digits_in_row + 1 : 0;
        letters += is_letter(c);
        dots += c == '.';
        if (digits_in_row > MOST_DIGITS)
            return false;
        if (!is_letter(c) && !ascii_is_digit(c) && memchr(between, c, sizeof(between) - 1) == NULL)
            return false;
    }
    return letters > 0 && dots < QUAD_DOTS;
}

static bool is_in(const char *const *words, size_t n, struct span s) {
    for (size_t i = 0; i < n; i++)
        if (span_eq(s, span_str(words[i])))
            return true;
    return false;
}

struct span ua_name_major(struct span s) {
    size_t digits = 0;
    while (digits < s.len && ascii_is_digit(s.ptr[digits]))
        digits++;
    if (digits > 0)
        return digits <= MOST_MAJOR_DIGITS ? span_head(s, digits) : SPAN_EMPTY;
    return is_in(releases, ARRAY_LEN(releases), s) ? s : SPAN_EMPTY;
}

static bool fits(const char *pattern, struct span s) {
    size_t n = strlen(pattern);
    if (n > 0 && pattern[n - 1] == '*')
        return span_starts(s, span_of(pattern, n - 1));
    return span_eq(s, span_of(pattern, n));
}

static const char *look_up(const struct rename *rows, size_t n, struct span s) {
    for (size_t i = 0; i < n; i++)
        if (fits(rows[i].from, s))
            return rows[i].to;
    return NULL;
}

struct span ua_name_browser(struct span family) {
    const char *to = look_up(browser_names, ARRAY_LEN(browser_names), family);
    return to ? span_str(to) : family;
}

struct span ua_name_os(struct span family) {
    const char *to = look_up(os_names, ARRAY_LEN(os_names), family);
    return to ? span_str(to) : family;
}

bool ua_name_os_has_version(struct span os) {
    return !is_in(unversioned, ARRAY_LEN(unversioned), os);
}

const char *ua_name_os_device(struct span os) {
    const char *to = look_up(os_devices, ARRAY_LEN(os_devices), os);
    return to ? to : "";
}

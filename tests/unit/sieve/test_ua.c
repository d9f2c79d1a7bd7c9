#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "clock.h"
#include "crypt.h"
#include "ua.h"
#include "ua_cache.h"
#include "ua_name.h"
#include "ua_table.h"

static const char access_log[] = "/work/shared/data/access-apache.log";

static struct ua *ua;
static struct ua_lane *lane;

static int open_all(void **state) {
    struct err err = {0};
    if (crypt_init() != 0)
        return -1;
    int64_t start = clock_mono_ns(&clock_system);
    if (ua_open(&ua, &err) != 0 || ua_lane_new(ua, &lane, &err) != 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    print_message("# ua_open and a lane: %.2f ms, database %zu bytes, %zu patterns\n",
                  (double)(clock_mono_ns(&clock_system) - start) / 1e6, ua_database_bytes,
                  ua_pattern_count);
    return 0;
}

static int close_all(void **state) {
    ua_lane_free(lane);
    ua_close(ua);
    return 0;
}

static const struct {
    const char *user_agent, *browser, *os, *device; /* "name version" */
} people[] = {
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Safari/537.36",
     "Chrome 120", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/148.0.0.0 Safari/537.36",
     "Chrome 148", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
     "Edge 120", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
     "Edge 18", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
     "Firefox 121", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0",
     "Opera 105", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/118.0.0.0 YaBrowser/23.11.0.0 Safari/537.36",
     "Yandex Browser 23", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Safari/537.36 Vivaldi/6.5.3206.39",
     "Vivaldi 6", "Windows 10", "Desktop"},
    {"Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer 11",
     "Windows 7", "Desktop"},
    {"Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)", "Internet Explorer 9",
     "Windows 7", "Desktop"},
    {"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.0; Trident/4.0; SLCC1; Tablet PC 2.0)",
     "Internet Explorer 8", "Windows Vista", "Desktop"},
    {"Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1; .NET CLR 1.1.4322)",
     "Internet Explorer 6", "Windows XP", "Desktop"},
    {"Mozilla/5.0 (Windows NT 6.3; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/49.0.2623.112 "
     "Safari/537.36",
     "Chrome 49", "Windows 8", "Desktop"},
    {"Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9.2.3) Gecko/20100401 Firefox/3.6.3",
     "Firefox 3", "Windows XP", "Desktop"},
    {"Opera/9.80 (Windows NT 6.1; U; en) Presto/2.10.229 Version/11.62", "Opera 11", "Windows 7",
     "Desktop"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.2 Safari/605.1.15",
     "Safari 17", "macOS 10", "Desktop"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Safari/537.36",
     "Chrome 120", "macOS 10", "Desktop"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_2) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.2 Safari/605.1.15",
     "Safari 17", "macOS 14", "Desktop"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:121.0) Gecko/20100101 Firefox/121.0",
     "Firefox 121", "macOS 10", "Desktop"},
    {"Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_6_3; en-us) AppleWebKit/533.16 (KHTML, like "
     "Gecko) "
     "Version/5.0 Safari/533.16",
     "Safari 5", "macOS 10", "Desktop"},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
     "Safari/537.36",
     "Chrome 120", "Linux", "Desktop"},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
     "Firefox 121", "Ubuntu", "Desktop"},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:38.0) Gecko/20100101 Firefox/38.0 Iceweasel/38.8.0",
     "Iceweasel 38", "Linux", "Desktop"},
    {"Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/117.0",
     "Firefox 117", "Fedora", "Desktop"},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 "
     "Safari/537.36",
     "Chrome 120", "Chrome OS", "Desktop"},
    {"Mozilla/5.0 (X11; FreeBSD amd64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox 120",
     "FreeBSD", "Desktop"},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Ubuntu "
     "Chromium/37.0.2062.94 Chrome/37.0.2062.94 Safari/537.36",
     "Chromium 37", "Ubuntu", "Desktop"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "Version/17.2 Mobile/15E148 Safari/604.1",
     "Safari 17", "iOS 17", "Mobile"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "Version/26.0 Mobile/15E148 Safari/604.1",
     "Safari 26", "iOS 18", "Mobile"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
     "Chrome 120", "iOS 17", "Mobile"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "FxiOS/121.0 Mobile/15E148 Safari/605.1.15",
     "Firefox 121", "iOS 17", "Mobile"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "Version/17.0 EdgiOS/120.0.2210.116 Mobile/15E148 Safari/604.1",
     "Edge 120", "iOS 17", "Mobile"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "Mobile/15E148",
     "Safari (in-app)", "iOS 16", "Mobile"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "Mobile/15E148 Instagram 309.1.1.28.108 (iPhone13,2; iOS 16_6; en_US; en; scale=3.00; "
     "1170x2532; "
     "537288535)",
     "Instagram 309", "iOS 16", "Mobile"},
    {"Mozilla/5.0 (iPhone; U; CPU iPhone OS 4_0 like Mac OS X; en-us) AppleWebKit/532.9 (KHTML, "
     "like "
     "Gecko) Version/4.0.5 Mobile/8A293 Safari/6531.22.7",
     "Safari 4", "iOS 4", "Mobile"},
    {"Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1",
     "Safari 12", "iOS 12", "Mobile"},
    {"Mozilla/5.0 (iPad; CPU OS 12_5_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/12.1.2 Mobile/15E148 Safari/604.1",
     "Safari 12", "iOS 12", "Tablet"},
    {"Mozilla/5.0 (iPad; U; CPU OS 3_2 like Mac OS X; en-us) AppleWebKit/531.21.10 (KHTML, like "
     "Gecko) "
     "Version/4.0.4 Mobile/7B334b Safari/531.21.10",
     "Safari 4", "iOS 3", "Tablet"},
    {"Mozilla/5.0 (iPad; CPU OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
     "Chrome 120", "iOS 17", "Tablet"},
    {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
     "Mobile Safari/537.36",
     "Chrome 120", "Android 10", "Mobile"},
    {"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.6099.144 Mobile Safari/537.36",
     "Chrome 120", "Android 14", "Mobile"},
    {"Mozilla/5.0 (Linux; Android 13; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
     "Samsung Internet 23", "Android 13", "Mobile"},
    {"Mozilla/5.0 (Android 14; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0", "Firefox 121",
     "Android 14", "Mobile"},
    {"Mozilla/5.0 (Android 13; Tablet; rv:109.0) Gecko/115.0 Firefox/115.0", "Firefox 115",
     "Android 13", "Tablet"},
    {"Mozilla/5.0 (Linux; Android 12; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/119.0.0.0 Safari/537.36",
     "Chrome 119", "Android 12", "Tablet"},
    {"Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/119.0.0.0 Mobile Safari/537.36 OPR/79.2.4195.76749",
     "Opera 79", "Android 13", "Mobile"},
    {"Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.6099.144 Mobile Safari/537.36 EdgA/119.0.2151.78",
     "Edge 119", "Android 10", "Mobile"},
    {"Mozilla/5.0 (Linux; Android 11; SM-A515F; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Version/4.0 "
     "Chrome/119.0.6045.193 Mobile Safari/537.36",
     "Android WebView 119", "Android 11", "Mobile"},
    {"Mozilla/5.0 (Linux; U; Android 2.3.5; en-us; HTC Vision Build/GRI40) AppleWebKit/533.1 "
     "(KHTML, "
     "like Gecko) Version/4.0 Mobile Safari/533.1",
     "Android Browser 2", "Android 2", "Mobile"},
    {"Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; GT-P5100 Build/IML74K) AppleWebKit/534.30 "
     "(KHTML, "
     "like Gecko) Version/4.0 Safari/534.30",
     "Android Browser 4", "Android 4", "Tablet"},
    {"Mozilla/5.0 (Linux; U; Android 12; en-US; RMX3085) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.0.1306 Mobile Safari/537.36",
     "UC Browser 13", "Android 12", "Mobile"},
    {"Mozilla/5.0 (Linux; U; Android 13; zh-cn; M2102J2SC) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/17.8.220115",
     "MIUI Browser 17", "Android 13", "Mobile"},
    {"Opera/9.80 (Android; Opera Mini/7.5.33361/31.1543; U; en) Presto/2.8.119 Version/11.1010",
     "Opera Mini 7", "Android", "Mobile"},
    {"Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.4.1 "
     "like "
     "Chrome/120.0.6099.230 Safari/537.36",
     "Amazon Silk 120", "Android 9", "Tablet"},
    {"Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; Trident/6.0; IEMobile/10.0; ARM; "
     "Touch; "
     "NOKIA; Lumia 920)",
     "Internet Explorer 10", "Windows Phone 8", "Mobile"},
    {"Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 "
     "(KHTML, "
     "like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063",
     "Edge 15", "Windows Phone 10", "Mobile"},
    {"Mozilla/5.0 (BlackBerry; U; BlackBerry 9900; en) AppleWebKit/534.11+ (KHTML, like Gecko) "
     "Version/7.1.0.346 Mobile Safari/534.11+",
     "BlackBerry 7", "BlackBerry OS 7", "Mobile"},
    {"Mozilla/5.0 (Mobile; LYF/F90M/LYF-F90M-000-02-28-130318; rv:48.0) Gecko/48.0 Firefox/48.0 "
     "KAIOS/2.5",
     "Firefox 48", "KaiOS 2", "Mobile"},
    {"Mozilla/5.0 (SymbianOS/9.4; Series60/5.0 NokiaN97-1/20.0.019; Profile/MIDP-2.1 "
     "Configuration/CLDC-1.1) AppleWebKit/525 (KHTML, like Gecko) BrowserNG/7.1.18124",
     "Nokia Browser 7", "Symbian 9", "Mobile"},
    {"Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/5.0 "
     "TV "
     "Safari/537.36",
     "Safari 5", "Tizen 5", "TV"},
    {"Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/79.0.3945.79 "
     "Safari/537.36 WebAppManager",
     "Chrome 79", "webOS", "TV"},
    {"Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/88.0.4324.152 Safari/537.36",
     "Chrome 88", "Android 9", "TV"},
    {"Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.225 "
     "Safari/537.36 CrKey/1.56.500000",
     "Chrome 90", "Chromecast 1", "TV"},
    {"Mozilla/5.0 (Linux; Android 7.1.2; AFTMM Build/NS6265; wv) AppleWebKit/537.36 (KHTML, like "
     "Gecko) Version/4.0 Chrome/70.0.3538.110 Mobile Safari/537.36",
     "Android WebView 70", "Android 7", "TV"},
    {"Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/13.0 Safari/605.1.15",
     "Safari 13", "", "Console"},
    {"Mozilla/5.0 (PlayStation 4 3.11) AppleWebKit/537.73 (KHTML, like Gecko)", "", "", "Console"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like "
     "Gecko) "
     "Chrome/48.0.2564.82 Safari/537.36 Edge/20.02",
     "Edge 20", "Windows 10", "Console"},
    {"Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) "
     "NF/6.0.2.21.3 NintendoBrowser/5.1.0.22474",
     "Nintendo Browser 5", "", "Console"},
    {"Mozilla/5.0 (Linux; Android 10; Quest 2) AppleWebKit/537.36 (KHTML, like Gecko) "
     "OculusBrowser/18.1.0.2.46.337441587 SamsungBrowser/4.0 Chrome/95.0.4638.74 VR Safari/537.36",
     "Oculus Browser 18", "Android 10", "Tablet"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.1 Safari/605.1.15 Ddg/17.1",
     "DuckDuckGo 17", "macOS 10", "Desktop"},
};

static const char *const robots[] = {
    "",
    "-",
    "Mozilla/5.0",
    "12345678901234567890",
    "................................",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like "
    "Gecko) "
    "Chrome/125.0.6422.175 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
    "+http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0 and some more",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
    "+https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; "
    "+claudebot@anthropic.com)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/120.0.6099.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 "
    "Safari/538.1",
    "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
    "Mozilla/5.0 (X11; Linux x86_64) Playwright/1.40.0 (x64; ubuntu 22.04) node/18.18",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Selenium WebDriver",
    "curl/8.5.0",
    "curl/7.68.0 (x86_64-pc-linux-gnu) libcurl/7.68.0",
    "Wget/1.21.3 (linux-gnu)",
    "python-requests/2.31.0",
    "Python/3.11 aiohttp/3.9.1",
    "Go-http-client/2.0",
    "Java/17.0.9 and then some",
    "libwww-perl/6.67",
    "axios/1.6.2 more text",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "Apache-HttpClient/4.5.13 (Java/11.0.20)",
    "Scrapy/2.11.0 (+https://scrapy.org)",
    "FooBarBot/1.0 unheard of",
    "Mozilla/5.0 (compatible; SomethingCrawler/0.1)",
    "WordPress/6.4.2; https://example.org",
    "Mozilla/5.0 (compatible; Ezooms/1.0; help@moz.com)",
};

static void join(char *out, size_t room, const char *name, const char *version) {
    (void)snprintf(out, room, "%s%s%s", name, *version ? " " : "", version);
}

static void test_known_browsers(void **state) {
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        const struct ua_info *u = ua_lookup(lane, span_str(people[i].user_agent));
        char browser[80], os[80];
        join(browser, sizeof(browser), u->browser, u->browser_version);
        join(os, sizeof(os), u->os, u->os_version);
        if (!u->bot && strcmp(browser, people[i].browser) == 0 && strcmp(os, people[i].os) == 0 &&
            strcmp(u->device, people[i].device) == 0)
            continue;
        print_error("%s\n  wanted %s | %s | %s\n  got    %s | %s | %s%s\n", people[i].user_agent,
                    people[i].browser, people[i].os, people[i].device, browser, os, u->device,
                    u->bot ? " | bot" : "");
        wrong++;
    }
    print_message("# %zu browsers\n", ARRAY_LEN(people));
    assert_int_equal(wrong, 0);
}

static void test_known_robots(void **state) {
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(robots); i++) {
        if (!ua_lookup(lane, span_str(robots[i]))->bot) {
            print_error("not a robot: %s\n", robots[i]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_not_robots(void **state) {
    static const char *const strings[] = {
        "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/96.0.4664.104 "
        "Mobile Safari/537.36",
        "okhttp/4.12.0 (com.example.shop)",
        "Mozilla/5.0 (X11; Linux x86_64; rv:120.0; me@example.org) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Silk/120.4.1 like "
        "Chrome/120.0.6099.230 Safari/537.36",
    };
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        assert_false(ua_lookup(lane, span_str(strings[i]))->bot);
}

static void test_odd_bytes(void **state) {
    static char big[65536];
    memset(big, 'a', sizeof(big));
    assert_non_null(ua_lookup(lane, span_of(big, sizeof(big))));
    memset(big, 0xff, sizeof(big));
    assert_true(ua_lookup(lane, span_of(big, sizeof(big)))->bot);
    memset(big, 0, sizeof(big));
    assert_true(ua_lookup(lane, span_of(big, sizeof(big)))->bot);
    assert_true(ua_lookup(lane, span_of(NULL, 0))->bot);

    static const char nul[] =
        "Mozilla/5.0 (X11; Linux x86_64; rv:120.0)\0 Gecko/20100101 Firefox/120.0";
    assert_string_equal(ua_lookup(lane, span_of(nul, sizeof(nul) - 1))->browser, "Firefox");

    /* Only the first 512 bytes are looked at. */
    memset(big, 'a', sizeof(big));
    memcpy(big + 600, " Firefox/120.0", 14);
    assert_string_equal(ua_lookup(lane, span_of(big, sizeof(big)))->browser, "");
}

/* No string within the limit may take long, whatever it repeats. */
static void test_hostile_strings(void **state) {
    static const char *const pieces[] = {"bot ",      "Android",     "iPhone ",  "Mozilla/5.0 (",
                                         "aB",        "Nokia",       "-iPad/1 ", "Mac OS X ",
                                         "Chrome/1 ", "A bot crawl", " ",        "(;",
                                         "Windows 1."};
    int64_t slowest = 0;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        for (size_t j = 0; j < ARRAY_LEN(pieces); j++) {
            char s[512];
            for (size_t n = 0, k = 0; n < sizeof(s); n++) {
                const char *p = pieces[n < sizeof(s) / 2 ? i : j];
                s[n] = p[k++ % strlen(p)];
            }
            (void)ua_lookup(lane, span_of(s, sizeof(s)));
            s[0] = s[0] == 'z' ? 'y' : 'z'; /* a miss again, with every expression compiled */
            int64_t start = clock_mono_ns(&clock_system);
            (void)ua_lookup(lane, span_of(s, sizeof(s)));
            int64_t took = clock_mono_ns(&clock_system) - start;
            slowest = took > slowest ? took : slowest;
        }
    print_message("# slowest hostile string: %.2f ms\n", (double)slowest / 1e6);
    assert_true(slowest < 200 * 1000 * 1000);
}

static void test_family_guard(void **state) {
    static const char *const good[] = {"Chrome", "Samsung Internet", "Yandex.Browser",
                                       "S40OviBrowser", "Y!J-ASR"};
    static const char *const bad[] = {
        "",          "me@example.org", "12345",       "123", "10.0.0.1",
        "a10.0.0.1", "x 0612345678",   "caf\xc3\xa9", "a:b", "<b>"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(ua_name_is_family(span_str(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(ua_name_is_family(span_str(bad[i])));
    assert_true(span_eq(ua_name_major(SPAN_LIT("10.15.7")), SPAN_LIT("10")));
    assert_true(span_eq(ua_name_major(SPAN_LIT("Vista")), SPAN_LIT("Vista")));
    assert_int_equal(ua_name_major(SPAN_LIT("0612345678")).len, 0);
    assert_int_equal(ua_name_major(SPAN_LIT("x@y")).len, 0);
    assert_int_equal(ua_name_major(SPAN_LIT("jane")).len, 0);
}

static void test_cache(void **state) {
    struct ua_cache *c = ua_cache_new();
    assert_non_null(c);
    bool found = true;
    enum { SAME_SET = 1 << 20 };
    struct ua_info *a = ua_cache_slot(c, 7, 20, &found);
    assert_false(found);
    a->bot = true;
    assert_true(ua_cache_slot(c, 7, 20, &found)->bot);
    assert_true(found);
    /* Another length is another string; then a third in the same set drives out the one used
     * longest ago. */
    assert_false(ua_cache_slot(c, 7, 21, &found)->bot);
    assert_false(found);
    (void)!ua_cache_slot(c, 7, 20, &found);
    (void)!ua_cache_slot(c, 7 + SAME_SET, 20, &found);
    assert_false(found);
    (void)!ua_cache_slot(c, 7, 20, &found);
    assert_true(found);
    (void)!ua_cache_slot(c, 7, 21, &found);
    assert_false(found);
    ua_cache_free(c);

    /* Every byte and the length count. */
    struct ua_key key;
    crypt_random(&key, sizeof(key));
    char text[48] = {0};
    uint64_t whole = ua_key_hash(&key, span_of(text, 47));
    assert_true(whole != ua_key_hash(&key, span_of(text, 48)));
    for (size_t i = 0; i < 47; i++) {
        text[i] ^= 1;
        assert_true(whole != ua_key_hash(&key, span_of(text, 47)));
        text[i] ^= 1;
    }
    assert_true(whole == ua_key_hash(&key, span_of(text, 47)));
}

static void *look_all_up(void *shared) {
    struct ua_lane *own = NULL;
    if (ua_lane_new(shared, &own, NULL) != 0)
        return NULL;
    size_t right = 0;
    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        right +=
            strcmp(ua_lookup(own, span_str(people[i].user_agent))->device, people[i].device) == 0;
    ua_lane_free(own);
    return (void *)right;
}

/* Lanes that compile the same expressions at the same time. */
static void test_threads(void **state) {
    struct ua *shared = NULL;
    pthread_t thread[4];
    assert_int_equal(ua_open(&shared, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, look_all_up, shared), 0);
    for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
        void *right = NULL;
        assert_int_equal(pthread_join(thread[i], &right), 0);
        assert_int_equal((size_t)right, ARRAY_LEN(people));
    }
    ua_close(shared);
}

/* The user agents of a log, one a line of *ret_text; NULL when there is no log. */
static char *read_log(size_t *ret_lines) {
    FILE *f = fopen(access_log, "r");
    if (!f)
        return NULL;
    static char line[1 << 16];
    char *text = malloc(4 << 20);
    size_t n = 0, lines = 0;
    assert_non_null(text);
    while (fgets(line, sizeof(line), f)) {
        char *end = strrchr(line, '"');
        if (!end)
            continue;
        *end = '\0';
        char *start = strrchr(line, '"');
        if (!start)
            continue;
        size_t len = strlen(start + 1);
        assert_true(n + len + 1 < 4 << 20);
        memcpy(text + n, start + 1, len);
        text[n + len] = '\n';
        n += len + 1;
        lines++;
    }
    (void)fclose(f);
    text[n ? n - 1 : 0] = '\0';
    *ret_lines = lines;
    return text;
}

static size_t resident_kb(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;
    if (f) {
        if (fscanf(f, "%lu %lu", &size, &resident) != 2)
            resident = 0;
        (void)fclose(f);
    }
    return resident * 4;
}

static void test_log(void **state) {
    size_t lines = 0;
    char *text = read_log(&lines);
    if (!text) {
        print_message("# skipped: no %s\n", access_log);
        skip();
    }
    size_t bots = 0, unknown = 0, n = 0;
    struct span rest = span_str(text), s;
    while (span_next(&rest, '\n', &s)) {
        const struct ua_info *u = ua_lookup(lane, s);
        n++;
        bots += u->bot;
        unknown += !u->bot && (!*u->browser || !*u->os || !*u->device);
    }
    print_message("# %zu lines: %zu of robots, %zu not known in full\n", n, bots, unknown);
    assert_int_equal(n, lines);
    assert_true(bots > n / 20 && bots < n / 2);
    assert_true(unknown * 50 < n);

    /* Speed: cached on the same lane, then misses on fresh lanes with all expressions compiled. */
    int64_t start = clock_mono_ns(&clock_system);
    for (int round = 0; round < 20; round++)
        for (rest = span_str(text); span_next(&rest, '\n', &s);)
            (void)ua_lookup(lane, s);
    double cached = (double)(clock_mono_ns(&clock_system) - start) / (20.0 * (double)n);
    struct ua_lane *fresh = NULL;
    struct err err;
    size_t misses = 0;
    int64_t spent = 0;
    char changed[600];
    assert_int_equal(ua_lane_new(ua, &fresh, &err), 0);
    for (rest = span_str(text); span_next(&rest, '\n', &s); misses++) {
        size_t len = s.len < 500 ? s.len : 500;
        memcpy(changed, s.ptr, len);
        int more = snprintf(changed + len, sizeof(changed) - len, " (%zu)", misses);
        int64_t t = clock_mono_ns(&clock_system);
        (void)ua_lookup(fresh, span_of(changed, len + (size_t)more));
        spent += clock_mono_ns(&clock_system) - t;
    }
    ua_lane_free(fresh);
    print_message("# cached %.0f ns, missed %.1f us, resident %zu KB\n", cached,
                  (double)spent / 1e3 / (double)misses, resident_kb());
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_browsers),  cmocka_unit_test(test_known_robots),
        cmocka_unit_test(test_not_robots),      cmocka_unit_test(test_odd_bytes),
        cmocka_unit_test(test_hostile_strings), cmocka_unit_test(test_family_guard),
        cmocka_unit_test(test_cache),           cmocka_unit_test(test_log),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}

#include "page.h"

#include "t.h"

static const struct {
    const char *path, *want;
} rows[] = {
    /* ordinary paths stay whole */
    {"", "/"},
    {"/", "/"},
    {"/about", "/about"},
    {"/about/", "/about/"},
    {"/product/12345", "/product/12345"},
    {"/2026/11/post", "/2026/11/post"},
    {"/2026-11-24/minutes-of-the-meeting", "/2026-11-24/minutes-of-the-meeting"},
    {"/blog/how-to-make-30-cakes-in-2024", "/blog/how-to-make-30-cakes-in-2024"},
    {"/blog/the_longest_title_we_ever_wrote_about_sieves",
     "/blog/the_longest_title_we_ever_wrote_about_sieves"},
    {"/book/9782070360024", "/book/9782070360024"},
    {"/book/978-2-07-036002-4", "/book/978-2-07-036002-4"},
    {"/docs/v1.24.3/install", "/docs/v1.24.3/install"},
    {"/thisIsACamelCasedPageNameOfOurs", "/thisIsACamelCasedPageNameOfOurs"},
    {"/static/app.3f2a1b9c.js", "/static/app.3f2a1b9c.js"},
    {"/img/IMG_20240101_123456.jpg", "/img/IMG_20240101_123456.jpg"},
    {"/commit/3f2a1b9", "/commit/3f2a1b9"},
    {"/t/1732412345", "/t/1732412345"},
    {"/t/1732412345678", "/t/1732412345678"},
    {"/iphone14promax256gbblack5g", "/iphone14promax256gbblack5g"},
    {"/internationalisierungsbeauftragter", "/internationalisierungsbeauftragter"},
    {"/INTERNATIONALIZATION-GUIDELINES-2026", "/INTERNATIONALIZATION-GUIDELINES-2026"},
    {"/order/AB-2026-001234", "/order/AB-2026-001234"},
    {"/zip/75011-paris", "/zip/75011-paris"},
    {"/@handle", "/@handle"},
    {"/at/12:34:56", "/at/12:34:56"},
    {"/std::vector", "/std::vector"},
    {"/deadbeefdeadbeef", "/deadbeefdeadbeef"}, /* letters only: a word for all we know */
    {"/rfc/9562", "/rfc/9562"},
    {"/c/2026-q1_b2b_fr_v2_a1", "/c/2026-q1_b2b_fr_v2_a1"},
    {"/c/G4-B2B-2026-Q1-T2-V3-H1", "/c/G4-B2B-2026-Q1-T2-V3-H1"},
    {"/c/win32x64-v1.24.3-rc1", "/c/win32x64-v1.24.3-rc1"},
    {"/c/iPhone15ProMax256GBBlack", "/c/iPhone15ProMax256GBBlack"},
    {"/c/GooglePlayServicesOssLicenses.html", "/c/GooglePlayServicesOssLicenses.html"},
    {"/caf%C3%A9/cr%C3%A8me", "/caf\xc3\xa9/cr\xc3\xa8me"},
    {"/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xe8\xa8\x98\xe4\xba\x8b",
     "/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xe8\xa8\x98\xe4\xba\x8b"},
    {"/100%", "/100%"},
    {"/a%zzb", "/a%zzb"},
    {"/why%3F", "/why?"},
    /* tidying */
    {"//a///b", "/a/b"},
    {"/a%20b%20", "/a b"},
    {"/a%09%0A%00b", "/ab"},
    {"/a\x7f\x01z", "/az"},
    {"/bad%FFbyte", "/bad\xef\xbf\xbd"
                    "byte"},
    {"/a;jsessionid=8A3F/b", "/a/b"},
    {"/a;jsessionid=jane@example.com", "/a"},
    {"/a%3Bjsessionid=8A3F", "/a"},
    {"/a%3Fmail=jane", "/a"},
    {"/a%2Fb", "/a/b"},
    /* e-mail */
    {"/u/jane@example.com", "/u/:email"},
    {"/u/jane%40example.com", "/u/:email"},
    {"/u/jane%2540example.com", "/u/:email"},
    {"/u/jane%252540example.com/x", "/u/:email/x"},
    {"/u/user=jane@example.com", "/u/user=:email"},
    {"/u/jane.doe+tag@mail.example.co.uk/edit", "/u/:email/edit"},
    {"/u/jos%C3%A9@exemple.fr", "/u/:email"},
    {"/u/mailto:jane@example.com", "/u/mailto::email"},
    {"/u/jane@example.com,joe@example.org", "/u/:email,:email"},
    {"/u/jane%01@example.com", "/u/:email"},
    /* ids */
    {"/o/550e8400-e29b-41d4-a716-446655440000", "/o/:id"},
    {"/o/550E8400-E29B-41D4-A716-446655440000/edit", "/o/:id/edit"},
    {"/o/order-550e8400-e29b-41d4-a716-446655440000", "/o/order-:id"},
    {"/o/%7B550e8400-e29b-41d4-a716-446655440000%7D", "/o/{:id}"},
    {"/o/u550e8400-e29b-41d4-a716-446655440000x", "/o/u:idx"},
    {"/status/1849736251940823041", "/status/:id"},
    {"/status/user1849736251940823041z", "/status/user:idz"},
    {"/tel/+33612345678", "/tel/:id"},
    {"/tel/%2B33%206%2012%2034%2056%2078", "/tel/:id"},
    {"/tel/0033612345678", "/tel/:id"},
    {"/tel/0612345678", "/tel/:id"},
    {"/tel/06%2012%2034%2056%2078", "/tel/:id"},
    {"/tel/06.12.34.56.78", "/tel/:id"},
    {"/tel/06-12-34-56-78", "/tel/:id"},
    {"/tel/call-0612345678-now", "/tel/call-:id-now"},
    {"/tel/555-234-5678", "/tel/:id"},
    {"/card/4111111111111111", "/card/:id"},
    {"/card/4111-1111-1111-1111", "/card/:id"},
    {"/card/378282246310005", "/card/:id"},
    {"/iban/FR1420041010050500013M02606", "/iban/:id"},
    {"/iban/de89370400440532013000", "/iban/:id"},
    {"/nir/255081416802538", "/nir/:id"},
    {"/ssn/078-05-1120", "/ssn/:id"},
    {"/ip/203.0.113.77", "/ip/:id"},
    {"/ip/x203.0.113.77y", "/ip/x:idy"},
    {"/ip/2001:db8::1234:5678", "/ip/:id"},
    /* tokens */
    {"/r/507f1f77bcf86cd799439011", "/r/:token"},
    {"/r/d41d8cd98f00b204e9800998ecf8427e", "/r/:token"},
    {"/r/My-page-8f3a2b1c9d4e5f60718293a4b5c6d7e8", "/r/My-page-:token"},
    {"/r/aB3x9Zk2LmQ7pR4sT8uV", "/r/:token"},
    {"/r/aB3-x9Zk_2LmQ7-pR4sT8uV", "/r/:token"},
    {"/r/k3j9x0q8w7e2r5t1y6u4", "/r/:token"},
    {"/r/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r", "/r/:token"},
    {"/r/AbCdEfGhIjKlMnOpQrStUvWxYz", "/r/:token"},
    {"/r/qxhzkvdwnbtjgfplrmscyk", "/r/:token"},        /* letters only */
    {"/r/MZXW6YTBOJRXIZLNOBQXG43XN5ZGI", "/r/:token"}, /* base32 */
    {"/r/0flv9m1qrt8c6hn2kpd5sgj7uo", "/r/:token"},    /* PHP's session ids */
    {"/r/sessiond41d8cd98f00b204e9800998ecf8427exyz", "/r/session:token"},
    {"/r/3f2a1b9c4d5e6f70.json", "/r/:token.json"},
    {"/r/EAIaIQobChMI8J3ZqYvPhAMVQpCDBx0AAAAAEAAYASAAEgK8fPD_BwE", "/r/:token"},
    {"/reset/token=d41d8cd98f00b204e9800998ecf8427e/x", "/reset/token=:token/x"},
    {"/r/%25252525252525252541", "/r/:token"},
    /* the site's own patterns */
    {"/orders/12", "/orders/*"},
    {"/orders/jane@example.com", "/orders/*"},
    {"/orders/12/lines", "/orders/12/lines"},
    {"/orders/", "/orders/"},
    {"/files/a/b/c.pdf", "/files/**"},
    {"/shop/7/item/8", "/shop/*/item/*"},
};

struct fixture {
    struct scrub *scrub;
    struct scrub_lane *lane;
    struct arena arena;
};

static int set_up(void **state) {
    static struct fixture f;
    arena_init(&f.arena, 0);
    *state = &f;
    return scrub_open(&f.scrub, NULL) || scrub_lane_new(f.scrub, &f.lane, NULL);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    scrub_lane_free(f->lane);
    scrub_close(f->scrub);
    arena_release(&f->arena);
    return 0;
}

static void templates(void **state) {
    struct fixture *f = *state;
    const struct span patterns[] = {SPAN_LIT("/orders/*"), SPAN_LIT("/files/**"),
                                    SPAN_LIT("/shop/*/item/*")};
    const struct policy policy = {.path_patterns = patterns,
                                  .path_pattern_count = ARRAY_LEN(patterns)};
    size_t failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span got;
        assert_int_equal(
            page_of(f->lane, span_str(rows[i].path), &policy, SPAN_EMPTY, &f->arena, &got, NULL),
            0);
        if (!span_eq(got, span_str(rows[i].want))) {
            print_error("%s: got \"%.*s\", want \"%s\"\n", rows[i].path, SPAN_ARG(got),
                        rows[i].want);
            failures++;
        }
        arena_clear(&f->arena);
    }
    assert_int_equal(failures, 0);
}

static void hides_the_secret(void **state) {
    struct fixture *f = *state;
    struct span got, agent = SPAN_LIT("Mozilla/5.0 X11");
    assert_int_equal(
        page_of(f->lane, SPAN_LIT("/a/Mozilla/5.0%20X11/b"), NULL, agent, &f->arena, &got, NULL),
        0);
    same_text("secret", got, "/:token");
}

static void fits(void **state) {
    static const struct {
        const char *path, *pattern;
        bool want;
    } cases[] = {
        {"/a/b", "/a/*", true},      {"/a", "/a/*", false},     {"/a/", "/a/*", false},
        {"/a/b/c", "/a/*", false},   {"/a/b/c", "/a/**", true}, {"/a", "/a/**", false},
        {"/a/b", "/a/b", true},      {"/a/b", "/a/c", false},   {"/x/1/y", "/x/*/y", true},
        {"/x/1/z", "/x/*/y", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (page_fits(span_str(cases[i].path), span_str(cases[i].pattern)) != cases[i].want)
            fail_msg("%s against %s", cases[i].path, cases[i].pattern);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(templates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hides_the_secret, set_up, tear_down),
        cmocka_unit_test(fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

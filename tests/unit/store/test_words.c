/* Codes of the hot tables' texts. */
#include "sample.h"
#include "words.h"

static uint32_t code_of(struct words *w, const char *text) {
    uint32_t code = UINT32_MAX;
    assert_int_equal(words_get(w, span_str(text), &code, NULL), 0);
    return code;
}

static void load(struct words *w, uint32_t code, const char *text) {
    assert_int_equal(words_load(w, code, span_str(text), NULL), 0);
}

static void a_text_keeps_its_code(void **state) {
    CLEANUP(words_freep) struct words *w = words_new();
    assert_int_equal(code_of(w, ""), WORD_EMPTY);
    assert_int_equal(code_of(w, "\xff not a text"), WORD_EMPTY);
    assert_int_equal(code_of(w, "pageview"), WORD_PAGEVIEW);
    assert_int_equal(words_unsaved(w), 0);
    for (unsigned i = 0; i < 3000; i++) {
        char text[20];
        snprintf(text, sizeof text, "/%u", i % 1000);
        assert_int_equal(code_of(w, text), WORDS_GIVEN + i % 1000);
        assert_true(span_eq(words_text(w, WORDS_GIVEN + i % 1000), span_str(text)));
    }
    assert_int_equal(words_unsaved(w), 1000);
    assert_int_equal(words_unsaved_at(w, 999), WORDS_GIVEN + 999);
    words_saved(w);
    assert_int_equal(words_unsaved(w), 0);
    (void)code_of(w, "one more");
    assert_int_equal(words_unsaved(w), 1);
}

static void codes_without_rows_are_given_again(void **state) {
    CLEANUP(words_freep) struct words *w = words_new();
    load(w, WORD_PAGEVIEW, "pageview");
    load(w, 7, "/seven");
    load(w, 3, "/three");
    assert_int_equal(words_unsaved(w), 0);
    assert_int_equal(code_of(w, "/seven"), 7);
    static const unsigned expected[] = {2, 4, 5, 6, 8};
    for (unsigned i = 0; i < 5; i++) {
        char text[20];
        snprintf(text, sizeof text, "/new %u", i);
        assert_int_equal(code_of(w, text), expected[i]);
    }
    assert_int_equal(words_unsaved(w), 5);
    struct err err = {0};
    assert_int_equal(words_load(w, UINT32_MAX, SPAN_LIT("/no"), &err), ERR_CORRUPT);
    words_clear(w);
    assert_int_equal(code_of(w, "/seven"), WORDS_GIVEN);
}

static void sets_hold_the_words_of_a_visit(void **state) {
    CLEANUP(words_freep) struct words *w = words_new();
    struct event e = page_view(1, 0, "/");
    e.country = SPAN_LIT("FR");
    uint32_t set, again, other;
    assert_int_equal(words_set(w, &e, &set, NULL), 0);
    e.page = SPAN_LIT("/another page");
    assert_int_equal(words_set(w, &e, &again, NULL), 0);
    e.country = SPAN_LIT("DE");
    assert_int_equal(words_set(w, &e, &other, NULL), 0);
    assert_int_equal(again, set);
    assert_int_not_equal(other, set);
    assert_int_equal(words_attributes(w, set)->word[ATTRIBUTE_country], code_of(w, "FR"));
    assert_int_equal(words_attributes(w, set)->word[ATTRIBUTE_hostname], code_of(w, "example.com"));
    assert_int_equal(words_attributes(w, other)->word[ATTRIBUTE_country], code_of(w, "DE"));
    assert_int_equal(words_unsaved_sets(w), 2);
    words_saved(w);
    assert_int_equal(words_unsaved_sets(w), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_keeps_its_code),
        cmocka_unit_test(codes_without_rows_are_given_again),
        cmocka_unit_test(sets_hold_the_words_of_a_visit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

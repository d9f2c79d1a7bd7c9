#include "words.h"

#include <stdlib.h>

#include "keyset.h"
#include "must.h"

enum { MOST_CODES = 1 << 27 };

/* Keys in the order they came, and a code for each: the least that was free. */
struct codebook {
    struct numbering keys;
    uint32_t *code_of;  /* of key number n at n - 1 */
    uint32_t *place_of; /* of a code: the key's number; 0: the code is free */
    uint32_t code_cap, place_cap;
    uint32_t next; /* no code below is free */
    uint32_t saved;
};

struct words {
    struct codebook texts;
    struct codebook sets; /* keys are the bytes of struct attributes */
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for the words of the hot tables");
}

/* --- a codebook ---------------------------------------------------------------------------------
 */

static void codebook_release(struct codebook *b) {
    numbering_release(&b->keys);
    free(b->code_of);
    free(b->place_of);
    *b = (struct codebook){0};
}

static bool reserve_key(struct codebook *b) {
    if (b->keys.count < b->code_cap)
        return true;
    uint32_t cap = b->code_cap ? b->code_cap * 2 : 64;
    uint32_t *code_of = realloc(b->code_of, cap * sizeof(*code_of));
    if (!code_of)
        return false;
    b->code_of = code_of;
    b->code_cap = cap;
    return true;
}

static bool reserve_code(struct codebook *b, uint32_t code) {
    if (code < b->place_cap)
        return true;
    uint32_t cap = b->place_cap ? b->place_cap : 64;
    while (cap <= code)
        cap *= 2;
    uint32_t *place_of = realloc(b->place_of, cap * sizeof(*place_of));
    if (!place_of)
        return false;
    memset(place_of + b->place_cap, 0, (cap - b->place_cap) * sizeof(*place_of));
    b->place_of = place_of;
    b->place_cap = cap;
    return true;
}

static bool codebook_get(struct codebook *b, struct span key, uint32_t *ret) {
    while (b->next < b->place_cap && b->place_of[b->next])
        b->next++;
    uint32_t number, known = b->keys.count;
    if (!reserve_key(b) || !reserve_code(b, b->next) || !numbering_get(&b->keys, key, &number))
        return false;
    if (number > known) {
        b->code_of[number - 1] = b->next;
        b->place_of[b->next] = number;
    }
    *ret = b->code_of[number - 1];
    return true;
}

/* Codes come from a file: each once. */
static bool codebook_load(struct codebook *b, uint32_t code, struct span key) {
    uint32_t number;
    if (!reserve_key(b) || !reserve_code(b, code) || !numbering_get(&b->keys, key, &number))
        return false;
    b->code_of[number - 1] = code;
    b->place_of[code] = number;
    b->saved = b->keys.count;
    return true;
}

static struct span key_of(const struct codebook *b, uint32_t code) {
    must(code < b->place_cap && b->place_of[code]);
    return b->keys.texts[b->place_of[code] - 1];
}

/* --- words --------------------------------------------------------------------------------------
 */

struct words *words_new(void) {
    struct words *w = calloc(1, sizeof(*w));
    if (w)
        words_clear(w);
    return w;
}

void words_free(struct words *w) {
    codebook_release(&w->texts);
    codebook_release(&w->sets);
    free(w);
}

void words_clear(struct words *w) {
    codebook_release(&w->texts);
    codebook_release(&w->sets);
    w->texts.next = WORDS_GIVEN;
    w->sets.next = 1;
}

int words_get(struct words *w, struct span text, uint32_t *ret, struct err *err) {
    if (text.len == 0 || !span_is_utf8(text)) {
        *ret = WORD_EMPTY;
        return 0;
    }
    if (span_eq(text, SPAN_LIT("pageview"))) {
        *ret = WORD_PAGEVIEW;
        return 0;
    }
    return codebook_get(&w->texts, text, ret) ? 0 : no_memory(err);
}

int words_of_event(struct words *w, const struct event *e, struct event_words *ret,
                   struct err *err) {
    int code = 0;
#define X(name) \
    if (!code)  \
        code = words_get(w, e->name, &ret->name, err);
    EVENT_WORDS(X)
#undef X
    return code;
}

static struct span set_key(const struct attributes *a) {
    return span_of((const char *)a, sizeof(*a));
}

static int code_texts(struct words *w, const struct span texts[ATTRIBUTES], struct attributes *ret,
                      struct err *err) {
    int code = 0;
    for (size_t i = 0; !code && i < ATTRIBUTES; i++)
        code = words_get(w, texts[i], &ret->word[i], err);
    return code;
}

int words_set(struct words *w, const struct event *e, uint32_t *ret, struct err *err) {
    const struct span texts[ATTRIBUTES] = {
#define VISIT_ATTRIBUTE(name, text) e->name,
#include "visit_fields.def"
    };
    struct attributes a;
    int code = code_texts(w, texts, &a, err);
    if (!code && !codebook_get(&w->sets, set_key(&a), ret))
        code = no_memory(err);
    return code;
}

const struct attributes *words_attributes(const struct words *w, uint32_t set) {
    return (const struct attributes *)(const void *)key_of(&w->sets, set).ptr;
}

struct span words_text(const struct words *w, uint32_t code) {
    return code == WORD_EMPTY      ? SPAN_EMPTY
           : code == WORD_PAGEVIEW ? SPAN_LIT("pageview")
                                   : key_of(&w->texts, code);
}

int words_load(struct words *w, uint32_t code, struct span text, struct err *err) {
    if (code < WORDS_GIVEN)
        return 0;
    if (code > MOST_CODES)
        return err_set(err, ERR_CORRUPT, "the hot file has a word of an impossible code");
    return codebook_load(&w->texts, code, text) ? 0 : no_memory(err);
}

int words_load_set(struct words *w, uint32_t code, const struct span texts[ATTRIBUTES],
                   struct err *err) {
    struct attributes a;
    if (code == 0 || code > MOST_CODES)
        return err_set(err, ERR_CORRUPT, "the hot file has a set of an impossible code");
    int failed = code_texts(w, texts, &a, err);
    if (!failed && !codebook_load(&w->sets, code, set_key(&a)))
        failed = no_memory(err);
    return failed;
}

/* --- what is to be written ----------------------------------------------------------------------
 */

size_t words_unsaved(const struct words *w) {
    return w->texts.keys.count - w->texts.saved;
}

uint32_t words_unsaved_at(const struct words *w, size_t i) {
    must(i < words_unsaved(w));
    return w->texts.code_of[w->texts.saved + i];
}

size_t words_unsaved_sets(const struct words *w) {
    return w->sets.keys.count - w->sets.saved;
}

uint32_t words_unsaved_set_at(const struct words *w, size_t i) {
    must(i < words_unsaved_sets(w));
    return w->sets.code_of[w->sets.saved + i];
}

void words_saved(struct words *w) {
    w->texts.saved = w->texts.keys.count;
    w->sets.saved = w->sets.keys.count;
}

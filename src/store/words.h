/* words.h — the texts of the hot tables as numbers.
 *
 * Rows of the hot tables hold codes in place of texts: of words (pages, names, hosts, currencies),
 * and of attribute sets, which are what the first event of a visit says about it. A code stands for
 * the same as long as any row holds it; codes that no row holds any more are given again. All that
 * the tables hold is kept in memory: about 60 bytes and the text for each different word, and 150
 * for each different set. New ones are written with the batch that brings them (words_unsaved). One
 * thread at a time: the one that applies. */
#ifndef TAMIS_STORE_WORDS_H
#define TAMIS_STORE_WORDS_H

#include "err.h"
#include "event.h"

/* Every hot file has these two words. */
enum { WORD_EMPTY = 0, WORD_PAGEVIEW = 1, WORDS_GIVEN };

/* The texts of an event's row that are words there. */
#define EVENT_WORDS(X) X(name) X(hostname) X(page) X(currency)

struct event_words {
#define X(name) uint32_t name;
    EVENT_WORDS(X)
#undef X
};

enum visit_attribute {
#define VISIT_ATTRIBUTE(name, text) ATTRIBUTE_##name,
#include "visit_fields.def"
    ATTRIBUTES
};

/* The words of a set. */
struct attributes {
    uint32_t word[ATTRIBUTES];
};

struct words;

struct words *words_new(void) WARN_UNUSED; /* NULL on out of memory */
void words_free(struct words *w);
DEFINE_FREEP(struct words, words_free)

/* The text's code; copied when it is new. What is not UTF-8 is taken for the empty text, since the
 * engine takes that on trust. ERR_NOMEM: out of memory, or more than 2^27 words. */
int words_get(struct words *w, struct span text, uint32_t *ret, struct err *err) WARN_UNUSED;
int words_of_event(struct words *w, const struct event *e, struct event_words *ret,
                   struct err *err) WARN_UNUSED;
/* The code of the set of the event's attributes; 1 at least. */
int words_set(struct words *w, const struct event *e, uint32_t *ret, struct err *err) WARN_UNUSED;
/* The set of a code that words_set() gave, or that was loaded; valid until the next new one. */
const struct attributes *words_attributes(const struct words *w, uint32_t set);

/* What the tables hold. */
int words_load(struct words *w, uint32_t code, struct span text, struct err *err) WARN_UNUSED;
int words_load_set(struct words *w, uint32_t code, const struct span texts[ATTRIBUTES],
                   struct err *err) WARN_UNUSED;
/* Forgets everything: what the tables hold is to be loaded again. */
void words_clear(struct words *w);

/* What the tables do not hold yet. It stays here when a batch fails and goes with the next one. */
size_t words_unsaved(const struct words *w);
uint32_t words_unsaved_at(const struct words *w, size_t i); /* a code */
size_t words_unsaved_sets(const struct words *w);
uint32_t words_unsaved_set_at(const struct words *w, size_t i);
struct span words_text(const struct words *w, uint32_t code);
void words_saved(struct words *w); /* all are in the tables now */

#endif

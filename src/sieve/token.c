#include "token.h"

enum { UUID_CHARS = 36, SHORTEST_HEX = 16, SHORTEST_RANDOM = 20 };

/* What a piece of text is, and the word it becomes. */
enum kind { PLAIN, ID, HEX, RANDOM };
static const char *const word_for[] = {[ID] = ":id", [HEX] = ":token", [RANDOM] = ":token"};

enum char_class { NEITHER, DIGIT, LOWER, UPPER };

static enum char_class class_of(char c) {
    if (ascii_is_digit(c))
        return DIGIT;
    if (c >= 'a' && c <= 'z')
        return LOWER;
    return c >= 'A' && c <= 'Z' ? UPPER : NEITHER;
}

static bool is_hex(char c) {
    c = ascii_lower(c);
    return ascii_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* RFC 9562, any version. */
static bool is_uuid(struct span s) {
    if (s.len < UUID_CHARS)
        return false;
    for (size_t i = 0; i < UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !is_hex(s.ptr[i]))
            return false;
    }
    return true;
}

/* The letters that follow each letter in English, French, German, Spanish, Italian, Portuguese,
 * Polish, Czech and Turkish words, accents taken off; a dot for one that seldom does. */
static const char follows[26][27] = {
    ".bcd.fg.ijklmnop.rstuvw.yz", /* a */
    "a...e...i..l.....rs.u.....", /* b */
    "a.c.e..hijkl..o..r.tu...yz", /* c */
    "a...e...i....no..r..u....z", /* d */
    "abcdefghijklmn.p.rstuv.xyz", /* e */
    "a...ef..i.....o....tu.....", /* f */
    "a...e.g.i....no..rs.u.....", /* g */
    "a...e...i..l.no..r.t......", /* h */
    "abcdefg...klmnopqrstuv..yz", /* i */
    "a...e...i.........s.......", /* j */
    "a...e...i..l..o....t......", /* k */
    "a..de...i..lmno....tuv..y.", /* l */
    "ab..e...i..lm.op..........", /* m */
    "a.cdefg.i.klmno...stuv..yz", /* n */
    ".bcde...i..lmn.p.rstuvw..z", /* o */
    "a...e...i..l..op.r.tu.....", /* p */
    "....................u.....", /* q */
    "a.cdefg.i..lmno..rstu.w.yz", /* r */
    "a.cde.ghi..l..op..stu...yz", /* s */
    "a...e..hi....no..rstu...yz", /* t */
    "abc.efg.ijklmn.p.rst....yz", /* u */
    "a...e...i.....o.........y.", /* v */
    "a...e...i....n..........y.", /* w */
    "...............p...t......", /* x */
    "a.c.e...i...m.op......w...", /* y */
    "a...e...i....no.....u...yz", /* z */
};

/* Whether two characters seldom stand side by side in what people write. */
static bool is_odd_pair(char a, char b) {
    enum char_class x = class_of(a), y = class_of(b);
    if (x == NEITHER || y == NEITHER)
        return false;
    if (x == DIGIT || y == DIGIT)
        return x != y;
    if (x == LOWER && y == UPPER)
        return true;
    return follows[ascii_lower(a) - 'a'][ascii_lower(b) - 'a'] == '.';
}

/* Seven pairs of ten are odd in random text; in words, numbers and codes of people, hardly three.
 */
static bool is_random(struct span s) {
    if (s.len < SHORTEST_RANDOM)
        return false;
    size_t odd = 0;
    for (size_t i = 1; i < s.len; i++)
        odd += is_odd_pair(s.ptr[i - 1], s.ptr[i]);
    return odd * 9 >= s.len * 4;
}

/* base64url, and what is joined the same way. */
static size_t word_length(struct span s) {
    size_t n = 0;
    while (n < s.len && (class_of(s.ptr[n]) != NEITHER || memchr("-_.~", s.ptr[n], 4)))
        n++;
    return n;
}

/* The first UUID, long number or hash that begins within a run of letters and digits, also one
 * that is glued to a word ("user1849736251940823041"): its length, or 0. */
static size_t find_id(struct span s, size_t run, size_t *ret_at, enum kind *ret_kind) {
    size_t hex = 0, digits = 0;
    for (size_t i = 0; i <= run; i++) {
        if (i < run && is_uuid(span_from(s, i))) {
            *ret_at = i;
            *ret_kind = ID;
            return UUID_CHARS;
        }
        if (i < run && is_hex(s.ptr[i])) {
            hex++;
            digits += ascii_is_digit(s.ptr[i]);
        } else if (hex >= SHORTEST_HEX && digits > 0) {
            *ret_at = i - hex;
            *ret_kind = digits == hex ? ID : HEX;
            return hex;
        } else {
            hex = digits = 0;
        }
    }
    return 0;
}

/* Cuts the next piece off: an id, a run of letters and digits, or one other byte. */
static struct span next_piece(struct span s, enum kind *ret_kind) {
    size_t run = 0, at = 0, len = 0;
    enum kind kind = PLAIN;
    while (run < s.len && class_of(s.ptr[run]) != NEITHER)
        run++;
    *ret_kind = PLAIN;
    if (run == 0)
        return span_head(s, 1);
    if (run >= SHORTEST_HEX || s.len >= UUID_CHARS)
        len = find_id(s, run, &at, &kind);
    if (len < run && is_random(span_head(s, run))) {
        *ret_kind = RANDOM;
        return span_head(s, run);
    }
    if (len && at == 0)
        *ret_kind = kind;
    return span_head(s, at ? at : len ? len : run);
}

/* Appends (if `out`) one word with its pieces replaced; the most random kind among them. */
static enum kind replace_pieces(struct span word, struct buf *out) {
    enum kind most = PLAIN;
    while (word.len) {
        enum kind kind;
        struct span piece = next_piece(word, &kind);
        most = kind > most ? kind : most;
        if (out)
            buf_add(out, kind ? span_str(word_for[kind]) : piece);
        word = span_from(word, piece.len);
    }
    return most;
}

/* A token may be cut by '-' or '.': what is random as a whole goes as a whole. */
static bool replace(struct span text, struct buf *out) {
    bool any = false;
    while (text.len) {
        size_t n = word_length(text);
        struct span word = span_head(text, n ? n : 1);
        text = span_from(text, word.len);
        enum kind kind = word.len < SHORTEST_HEX ? PLAIN : replace_pieces(word, NULL);
        bool whole = (kind == PLAIN || kind == RANDOM) && is_random(word);
        any |= whole || kind;
        if (!out)
            continue;
        if (whole)
            buf_adds(out, word_for[RANDOM]);
        else if (kind)
            (void)replace_pieces(word, out);
        else
            buf_add(out, word);
    }
    return any;
}

bool token_in(struct span text) {
    return text.len >= SHORTEST_HEX && replace(text, NULL);
}

void token_replace(struct span text, struct buf *out) {
    (void)replace(text, out);
}

int token_fold(struct span text, struct arena *arena, struct span *ret, struct err *err) {
    if (LIKELY(!token_in(text))) {
        *ret = text;
        return 0;
    }
    BUF_AUTO out = {0};
    token_replace(text, &out);
    struct span copy = out.failed ? (struct span){0} : arena_copy(arena, buf_span(&out));
    if (!copy.ptr)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = copy;
    return 0;
}

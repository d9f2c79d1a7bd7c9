#include "parquet.h"

#include <fcntl.h>
#include <stdlib.h>
#include <zstd.h>

#include "keyset.h"
#include "must.h"
#include "parquet_meta.h"
#include "parquet_pack.h"

enum {
    MOST_VALUES = 40000,        /* of numbers in a dictionary; with more they are steps */
    MOST_DICTIONARY = 16 << 20, /* bytes of texts; with more they stand one by one */
    PLAIN_PAGE = 1 << 20,
    WRITE_AT = 1 << 20,
    MOST_BOUND = 255, /* bytes of a text that is a bound */
};

/* Numbers of a row group, each with its code. */
struct number_codes {
    struct {
        int64_t value;
        uint32_t code; /* + 1; 0: free */
    } * slots;
    size_t cap, count;
    int64_t *values; /* by code */
};

/* Texts of a row group by their numbers. */
struct text_codes {
    uint32_t *code_of; /* + 1; all 0 between two columns */
    uint32_t cap;
    uint32_t *numbers; /* by code */
    size_t count, bytes;
};

struct parquet {
    const struct os *os;
    int fd;
    const struct parquet_column *columns;
    size_t count;
    int level;
    ZSTD_CCtx *zstd;
    struct buf out; /* the end of the file, not written yet */
    int64_t written;
    struct buf page, packed;
    struct buf chunks, groups;
    size_t column, rows, group_count;
    uint64_t all_rows;
    int64_t group_bytes;
    uint32_t *codes; /* of a column's rows */
    struct number_codes of_numbers;
    struct text_codes of_texts;
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory to write a file");
}

/* --- the file -----------------------------------------------------------------------------------
 */

static int write_out(struct parquet *p, size_t least, struct err *err) {
    if (p->out.failed)
        return no_memory(err);
    if (p->out.len < least)
        return 0;
    int code = os_write_full(p->os, p->fd, p->out.data, p->out.len, p->written, err);
    p->written += code ? 0 : (int64_t)p->out.len;
    buf_clear(&p->out);
    return code;
}

static int64_t position(const struct parquet *p) {
    return p->written + (int64_t)p->out.len;
}

static int put_page(struct parquet *p, enum parquet_page type, size_t values,
                    struct parquet_chunk *c, struct err *err) {
    size_t most = ZSTD_compressBound(p->page.len);
    buf_clear(&p->packed);
    if (p->page.failed || !buf_reserve(&p->packed, most))
        return no_memory(err);
    size_t bytes =
        ZSTD_compressCCtx(p->zstd, p->packed.data, most, p->page.data, p->page.len, p->level);
    if (ZSTD_isError(bytes))
        return err_set(err, ERR_NOMEM, "a page is not compressed");
    p->packed.len = bytes;
    int64_t at = position(p);
    if (type == PAGE_DICTIONARY)
        c->dictionary_at = at;
    else if (!c->data_at)
        c->data_at = at;
    parquet_add_page_header(&p->out, type, type == PAGE_DATA ? c->encoding : ENCODE_PLAIN, values,
                            p->page.len, bytes);
    int64_t header = position(p) - at;
    buf_add(&p->out, buf_span(&p->packed));
    c->raw_bytes += header + (int64_t)p->page.len;
    c->bytes += header + (int64_t)bytes;
    buf_clear(&p->page);
    return write_out(p, WRITE_AT, err);
}

static struct parquet_chunk begin_chunk(struct parquet *p, bool texts) {
    must(p->column < p->count);
    const struct parquet_column *column = &p->columns[p->column++];
    must((column->type == PARQUET_TEXT) == texts);
    return (struct parquet_chunk){.column = column, .rows = p->rows};
}

static int end_chunk(struct parquet *p, const struct parquet_chunk *c, struct err *err) {
    parquet_add_chunk(&p->chunks, c);
    p->group_bytes += c->raw_bytes;
    if (p->column < p->count)
        return p->chunks.failed ? no_memory(err) : 0;
    parquet_add_group(&p->groups, buf_span(&p->chunks), p->count, p->rows, p->group_bytes);
    p->group_count++;
    p->all_rows += p->rows;
    bool failed = p->chunks.failed || p->groups.failed;
    buf_clear(&p->chunks);
    p->group_bytes = 0;
    return failed ? no_memory(err) : 0;
}

/* --- codes --------------------------------------------------------------------------------------
 */

static int put_codes(struct parquet *p, size_t count, struct parquet_chunk *c, struct err *err) {
    unsigned width = count > 1 ? 32U - (unsigned)__builtin_clz((uint32_t)count - 1) : 1;
    c->encoding = ENCODE_CODES;
    buf_addc(&p->page, (char)width);
    parquet_pack_codes(&p->page, p->codes, p->rows, width);
    return put_page(p, PAGE_DATA, p->rows, c, err);
}

/* --- numbers ------------------------------------------------------------------------------------
 */

static bool is_wide(enum parquet_type type) {
    return type == PARQUET_I64 || type == PARQUET_U64;
}

static void add_number(struct buf *out, enum parquet_type type, int64_t v) {
    if (is_wide(type))
        buf_add_u64le(out, (uint64_t)v);
    else
        buf_add_u32le(out, (uint32_t)v);
}

static bool reset_numbers(struct number_codes *n, size_t rows) {
    size_t most = rows < MOST_VALUES ? rows : MOST_VALUES;
    size_t cap = 64;
    while (cap < most * 2)
        cap *= 2;
    if (cap > n->cap) {
        free(n->slots);
        free(n->values);
        n->slots = malloc(cap * sizeof(*n->slots));
        n->values = malloc(cap * sizeof(*n->values));
        n->cap = n->slots && n->values ? cap : 0;
    }
    if (n->cap)
        memset(n->slots, 0, n->cap * sizeof(*n->slots));
    n->count = 0;
    return n->cap;
}

/* The code of each row. False: there are too many values. */
static bool code_numbers(struct number_codes *n, const int64_t *values, size_t rows,
                         uint32_t *ret) {
    uint32_t last = 0;
    for (size_t i = 0; i < rows; i++) {
        if (i == 0 || values[i] != values[i - 1]) {
            size_t at = mix64((uint64_t)values[i]) & (n->cap - 1);
            while (n->slots[at].code && n->slots[at].value != values[i])
                at = (at + 1) & (n->cap - 1);
            if (!n->slots[at].code) {
                if (n->count == MOST_VALUES)
                    return false;
                n->values[n->count] = n->slots[at].value = values[i];
                n->slots[at].code = (uint32_t)++n->count;
            }
            last = n->slots[at].code - 1;
        }
        ret[i] = last;
    }
    return true;
}

static void note_bounds(struct parquet_chunk *c, const int64_t *values, size_t rows,
                        struct buf *bounds) {
    int64_t least = values[0], most = values[0];
    for (size_t i = 1; i < rows; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    add_number(bounds, c->column->type, least);
    size_t len = bounds->len;
    add_number(bounds, c->column->type, most);
    c->has_bounds = !bounds->failed;
    c->least = span_head(buf_span(bounds), len);
    c->most = span_from(buf_span(bounds), len);
}

int parquet_put_numbers(struct parquet *p, const int64_t *values, struct err *err) {
    struct parquet_chunk c = begin_chunk(p, false);
    BUF_AUTO bounds = {0};
    note_bounds(&c, values, p->rows, &bounds);
    struct number_codes *n = &p->of_numbers;
    bool near = c.column->near;
    if (!near && !reset_numbers(n, p->rows))
        return no_memory(err);
    int code;
    if (near || !code_numbers(n, values, p->rows, p->codes)) {
        c.encoding = ENCODE_STEPS;
        parquet_pack_steps(&p->page, values, p->rows, !is_wide(c.column->type));
        code = put_page(p, PAGE_DATA, p->rows, &c, err);
    } else {
        for (size_t i = 0; i < n->count; i++)
            add_number(&p->page, c.column->type, n->values[i]);
        code = put_page(p, PAGE_DICTIONARY, n->count, &c, err);
        if (!code)
            code = put_codes(p, n->count, &c, err);
    }
    return code ? code : end_chunk(p, &c, err);
}

/* --- texts --------------------------------------------------------------------------------------
 */

static struct span text_at(const struct span *texts, uint32_t number) {
    return number ? texts[number - 1] : SPAN_EMPTY;
}

static void add_text(struct buf *out, struct span text) {
    buf_add_u32le(out, (uint32_t)text.len);
    buf_add(out, text);
}

static bool reset_texts(struct text_codes *t, uint32_t text_count) {
    t->count = t->bytes = 0;
    if (text_count < t->cap)
        return true;
    uint32_t cap = text_count + text_count / 2 + 64;
    free(t->code_of);
    t->code_of = calloc(cap, sizeof(*t->code_of));
    t->cap = t->code_of ? cap : 0;
    return t->code_of;
}

static void code_texts(struct text_codes *t, const uint32_t *numbers, const struct span *texts,
                       size_t rows, uint32_t *ret) {
    for (size_t i = 0; i < rows; i++) {
        uint32_t *code = &t->code_of[numbers[i]];
        if (!*code) {
            t->numbers[t->count++] = numbers[i];
            t->bytes += sizeof(uint32_t) + text_at(texts, numbers[i]).len;
            *code = (uint32_t)t->count;
        }
        ret[i] = *code - 1;
    }
    for (size_t i = 0; i < t->count; i++)
        t->code_of[t->numbers[i]] = 0;
}

static void note_text_bounds(struct parquet_chunk *c, const struct text_codes *t,
                             const struct span *texts) {
    c->least = c->most = text_at(texts, t->numbers[0]);
    for (size_t i = 1; i < t->count; i++) {
        struct span text = text_at(texts, t->numbers[i]);
        c->least = span_compare(text, c->least) < 0 ? text : c->least;
        c->most = span_compare(text, c->most) > 0 ? text : c->most;
    }
    c->has_bounds = c->least.len <= MOST_BOUND && c->most.len <= MOST_BOUND;
}

static int put_plain(struct parquet *p, const uint32_t *numbers, const struct span *texts,
                     struct parquet_chunk *c, struct err *err) {
    size_t from = 0;
    c->encoding = ENCODE_PLAIN;
    for (size_t i = 0; i < p->rows; i++) {
        add_text(&p->page, text_at(texts, numbers[i]));
        if (p->page.len < PLAIN_PAGE && i + 1 < p->rows)
            continue;
        int code = put_page(p, PAGE_DATA, i + 1 - from, c, err);
        if (code)
            return code;
        from = i + 1;
    }
    return 0;
}

int parquet_put_texts(struct parquet *p, const uint32_t *numbers, const struct span *texts,
                      uint32_t text_count, struct err *err) {
    struct parquet_chunk c = begin_chunk(p, true);
    struct text_codes *t = &p->of_texts;
    if (!reset_texts(t, text_count))
        return no_memory(err);
    code_texts(t, numbers, texts, p->rows, p->codes);
    note_text_bounds(&c, t, texts);
    int code;
    if (t->bytes > MOST_DICTIONARY) {
        code = put_plain(p, numbers, texts, &c, err);
    } else {
        for (size_t i = 0; i < t->count; i++)
            add_text(&p->page, text_at(texts, t->numbers[i]));
        code = put_page(p, PAGE_DICTIONARY, t->count, &c, err);
        if (!code)
            code = put_codes(p, t->count, &c, err);
    }
    return code ? code : end_chunk(p, &c, err);
}

/* --- begin and end ------------------------------------------------------------------------------
 */

#define MAGIC SPAN_LIT("PAR1")

int parquet_open(const struct os *os, const char *path, const struct parquet_column *columns,
                 size_t count, int level, struct parquet **ret, struct err *err) {
    must(count <= PARQUET_COLUMNS);
    CLEANUP(parquet_freep) struct parquet *p = calloc(1, sizeof(*p));
    if (!p)
        return no_memory(err);
    *p = (struct parquet){.os = os, .fd = -1, .columns = columns, .count = count, .level = level};
    p->zstd = ZSTD_createCCtx();
    p->codes = malloc(PARQUET_GROUP_ROWS * sizeof(*p->codes));
    p->of_texts.numbers = malloc(PARQUET_GROUP_ROWS * sizeof(*p->of_texts.numbers));
    if (!p->zstd || !p->codes || !p->of_texts.numbers)
        return no_memory(err);
    p->fd = os->open(os, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (p->fd < 0)
        return err_sys(err, -p->fd, "make a file");
    buf_add(&p->out, MAGIC);
    *ret = TAKE_PTR(p);
    return 0;
}

void parquet_begin_group(struct parquet *p, size_t rows) {
    must(rows > 0 && rows <= PARQUET_GROUP_ROWS && p->column % p->count == 0);
    p->column = 0;
    p->rows = rows;
}

int parquet_end(struct parquet *p, uint64_t *ret_rows, struct err *err) {
    must(p->column % p->count == 0);
    size_t before = p->out.len;
    parquet_add_file(&p->out, p->columns, p->count, p->all_rows, buf_span(&p->groups),
                     p->group_count);
    buf_add_u32le(&p->out, (uint32_t)(p->out.len - before));
    buf_add(&p->out, MAGIC);
    int code = write_out(p, 0, err);
    int closed = p->os->close(p->os, p->fd);
    p->fd = -1;
    if (!code && closed < 0)
        return err_sys(err, -closed, "close a file");
    if (!code)
        *ret_rows = p->all_rows;
    return code;
}

void parquet_free(struct parquet *p) {
    if (p->fd >= 0)
        (void)p->os->close(p->os, p->fd);
    ZSTD_freeCCtx(p->zstd);
    buf_release(&p->out);
    buf_release(&p->page);
    buf_release(&p->packed);
    buf_release(&p->chunks);
    buf_release(&p->groups);
    free(p->codes);
    free(p->of_numbers.slots);
    free(p->of_numbers.values);
    free(p->of_texts.code_of);
    free(p->of_texts.numbers);
    free(p);
}

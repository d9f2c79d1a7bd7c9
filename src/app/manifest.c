#include "manifest.h"

#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "os.h"

/* 2: may hold visitors.db and keys */
enum { FORMAT = 2, HEX = 2 * CRYPT_DIGEST_BYTES + 1, NAME_DIGITS = 16 };
static const size_t most_bytes = (size_t)1 << 30;
static const struct span head = SPAN_LIT("{\"digest\":\"");
static const struct span middle = SPAN_LIT("\",\"manifest\":");
static const struct span tail = SPAN_LIT("}\n");

void manifest_release(struct manifest *m) {
    free(m->files);
    *m = (struct manifest){0};
}

static int room_for_one(struct manifest *m, struct err *err) {
    if (m->count < m->cap)
        return 0;
    size_t cap = m->cap ? m->cap * 2 : 64;
    struct manifest_file *files = realloc(m->files, cap * sizeof(*files));
    if (!files)
        return err_set(err, ERR_NOMEM, "no memory for a list of files");
    m->files = files;
    m->cap = cap;
    return 0;
}

static bool never_changes(const char *path) {
    return span_starts(span_str(path), SPAN_LIT("sealed/"));
}

int manifest_add(struct manifest *m, const char *path, uint64_t bytes,
                 const uint8_t digest[CRYPT_DIGEST_BYTES], struct manifest_file **ret,
                 struct err *err) {
    int rc = room_for_one(m, err);
    if (rc < 0)
        return rc;
    char hex[HEX];
    crypt_hex(digest, CRYPT_DIGEST_BYTES, hex);
    struct manifest_file *f = &m->files[m->count];
    *f = (struct manifest_file){.bytes = bytes};
    memcpy(f->digest, digest, sizeof(f->digest));
    int len = snprintf(f->path, sizeof(f->path), "%s", path);
    int file_len = never_changes(path)
                       ? snprintf(f->file, sizeof(f->file), "%s", path)
                       : snprintf(f->file, sizeof(f->file), "%s.%.*s", path, NAME_DIGITS, hex);
    if (len >= MANIFEST_TEXT || file_len >= MANIFEST_TEXT)
        return err_set(err, ERR_INVALID, "the path of a file is too long for a backup");
    m->count++;
    if (ret)
        *ret = f;
    return 0;
}

static int by_file(const void *a, const void *b) {
    const struct manifest_file *x = a, *y = b;
    return strcmp(x->file, y->file);
}

void manifest_sort(struct manifest *m) {
    if (m->count)
        qsort(m->files, m->count, sizeof(*m->files), by_file);
}

const struct manifest_file *manifest_find(const struct manifest *m, const char *file) {
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t at = (low + high) / 2;
        int order = strcmp(m->files[at].file, file);
        if (order == 0)
            return &m->files[at];
        if (order < 0)
            low = at + 1;
        else
            high = at;
    }
    return NULL;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool parse_hex(struct span text, uint8_t out[CRYPT_DIGEST_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    if (text.len != HEX - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *d = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;
        if (!d)
            return false;
        uint8_t value = (uint8_t)(d - digits);
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | value : value << 4);
    }
    return true;
}

/* A path that stays in its folder and names something of ours. */
static bool is_ours(struct span path) {
    if (path.len >= MANIFEST_TEXT || memchr(path.ptr, '\0', path.len))
        return false;
    if (!span_eq(path, SPAN_LIT("control.db")) && !span_eq(path, SPAN_LIT("visitors.db")) &&
        !span_starts(path, SPAN_LIT("journal/")) && !span_starts(path, SPAN_LIT("sealed/")) &&
        !span_starts(path, SPAN_LIT("keys/known-")))
        return false;
    struct span rest = path, part;
    while (span_next(&rest, '/', &part))
        if (part.len == 0 || part.ptr[0] == '.')
            return false;
    return true;
}

static int read_entry(struct manifest *m, const json_t *entry, struct err *err) {
    struct span path = json_span(json_member(entry, "path"));
    struct span file = json_span(json_member(entry, "file"));
    struct span hex = json_span(json_member(entry, "digest"));
    const json_t *bytes = json_member(entry, "bytes");
    uint8_t digest[CRYPT_DIGEST_BYTES];
    if (!path.ptr || !file.ptr || !hex.ptr || !json_is_integer(bytes) ||
        json_integer_value(bytes) < 0 || !parse_hex(hex, digest) || !is_ours(path))
        return err_set(err, ERR_CORRUPT, "the manifest does not read");
    struct manifest_file *f;
    int rc = manifest_add(m, path.ptr, (uint64_t)json_integer_value(bytes), digest, &f, err);
    if (rc == 0 && !span_eq(file, span_str(f->file)))
        return err_set(err, ERR_CORRUPT, "the manifest does not read");
    return rc;
}

static int read_body(struct span text, struct manifest *ret, struct err *err) {
    JSON_AUTO body = NULL;
    if (json_parse(text, &body, NULL) < 0)
        return err_set(err, ERR_CORRUPT, "the manifest does not read");
    json_int_t format = json_integer_value(json_member(body, "format"));
    if (format < 1 || format > FORMAT)
        return err_set(err, ERR_UNSUPPORTED, "the backup is of a newer tamis");
    ret->made_ms = json_integer_value(json_member(body, "made_ms"));
    const char *version = json_string_value(json_member(body, "tamis"));
    (void)snprintf(ret->version, sizeof(ret->version), "%s", version ? version : "");
    size_t i;
    json_t *entry;
    json_array_foreach (json_member(body, "files"), i, entry) {
        int rc = read_entry(ret, entry, err);
        if (rc < 0)
            return rc;
    }
    manifest_sort(ret);
    return 0;
}

/* What the whole file has around it; *ret_body: the bytes that the digest is of. */
static bool unwrap(struct span text, struct span *ret_body) {
    if (text.len < head.len + HEX + middle.len + tail.len || !span_starts(text, head))
        return false;
    struct span hex = span_head(span_from(text, head.len), HEX - 1);
    struct span rest = span_from(text, head.len + hex.len);
    if (!span_starts(rest, middle) || !span_eq(span_from(rest, rest.len - tail.len), tail))
        return false;
    struct span body = span_head(span_from(rest, middle.len), rest.len - middle.len - tail.len);
    uint8_t stated[CRYPT_DIGEST_BYTES], is[CRYPT_DIGEST_BYTES];
    if (!parse_hex(hex, stated))
        return false;
    crypt_digest(body, is);
    *ret_body = body;
    return memcmp(stated, is, sizeof(is)) == 0;
}

int manifest_read(const char *dir, struct manifest *ret, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(dir, "manifest.json");
    BUF_AUTO text = {0};
    if (!path)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = os_read_file(&os_system, path, most_bytes, &text, err);
    if (rc == ERR_NOT_FOUND)
        return err_set(err, rc, "there is no backup in %.120s", dir);
    if (rc < 0)
        return rc;
    struct span body;
    if (!unwrap(buf_span(&text), &body))
        return err_set(err, ERR_CORRUPT, "the manifest is damaged");
    CLEANUP(manifest_release) struct manifest m = {0};
    if ((rc = read_body(body, &m, err)) < 0)
        return rc;
    *ret = m;
    m = (struct manifest){0};
    return 0;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static void add_entry(struct buf *out, const struct manifest_file *f) {
    char hex[HEX];
    crypt_hex(f->digest, sizeof(f->digest), hex);
    buf_adds(out, "{\"path\":");
    json_write_string(out, span_str(f->path));
    buf_adds(out, ",\"file\":");
    json_write_string(out, span_str(f->file));
    buf_addf(out, ",\"bytes\":%llu,\"digest\":\"%s\"}", (unsigned long long)f->bytes, hex);
}

int manifest_write(const char *dir, const struct manifest *m, struct err *err) {
    BUF_AUTO body = {0};
    BUF_AUTO text = {0};
    buf_addf(&body, "{\n\"format\":%d,\"tamis\":", FORMAT);
    json_write_string(&body, span_str(m->version));
    buf_addf(&body, ",\"made_ms\":%lld,\"files\":[", (long long)m->made_ms);
    for (size_t i = 0; i < m->count; i++) {
        buf_adds(&body, i ? ",\n" : "\n");
        add_entry(&body, &m->files[i]);
    }
    buf_adds(&body, "\n]}");
    uint8_t digest[CRYPT_DIGEST_BYTES];
    char hex[HEX];
    crypt_digest(buf_span(&body), digest);
    crypt_hex(digest, sizeof(digest), hex);
    buf_add(&text, head);
    buf_adds(&text, hex);
    buf_add(&text, middle);
    buf_add(&text, buf_span(&body));
    buf_add(&text, tail);
    CLEANUP(free_charp) char *path = path_join(dir, "manifest.json");
    if (body.failed || text.failed || !path)
        return err_set(err, ERR_NOMEM, "no memory for the manifest");
    return os_replace_file(&os_system, path, buf_span(&text), 0600, err);
}

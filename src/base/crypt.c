#include "crypt.h"

#include <sodium.h>

#include "must.h"

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((struct crypt_hasher *)0)->state),
               "hasher state fits");

int crypt_init(void) {
    return sodium_init() < 0 ? -1 : 0;
}

void crypt_random(void *out, size_t n) {
    randombytes_buf(out, n);
}

void crypt_wipe(void *p, size_t n) {
    sodium_memzero(p, n);
}

uint64_t crypt_keyed_hash64(const uint8_t key[CRYPT_KEY_BYTES], const struct span *parts,
                            size_t n) {
    /* libsodium's generichash wants 16 bytes of output at least; BLAKE2b's first 8 are as good. */
    crypto_generichash_state st;
    uint8_t out[16];
    (void)crypto_generichash_init(&st, key, CRYPT_KEY_BYTES, sizeof(out));
    for (size_t i = 0; i < n; i++) {
        uint64_t len = parts[i].len;
        (void)crypto_generichash_update(&st, (const uint8_t *)&len, sizeof(len));
        (void)crypto_generichash_update(&st, (const uint8_t *)parts[i].ptr, parts[i].len);
    }
    (void)crypto_generichash_final(&st, out, sizeof(out));
    uint64_t h;
    memcpy(&h, out, sizeof(h));
    return h;
}

void crypt_digest(struct span data, uint8_t out[CRYPT_DIGEST_BYTES]) {
    (void)crypto_generichash(out, CRYPT_DIGEST_BYTES, (const uint8_t *)data.ptr, data.len, NULL, 0);
}

static crypto_generichash_state *state_of(struct crypt_hasher *h) {
    return (crypto_generichash_state *)(void *)h->state;
}

void crypt_hasher_init(struct crypt_hasher *h) {
    (void)crypto_generichash_init(state_of(h), NULL, 0, CRYPT_DIGEST_BYTES);
}

void crypt_hasher_add(struct crypt_hasher *h, struct span data) {
    (void)crypto_generichash_update(state_of(h), (const uint8_t *)data.ptr, data.len);
}

void crypt_hasher_end(struct crypt_hasher *h, uint8_t out[CRYPT_DIGEST_BYTES]) {
    (void)crypto_generichash_final(state_of(h), out, CRYPT_DIGEST_BYTES);
}

void crypt_hex(const uint8_t *bytes, size_t n, char *out) {
    (void)sodium_bin2hex(out, 2 * n + 1, bytes, n);
}

void crypt_new_token(char out[CRYPT_TOKEN_CHARS]) {
    static const char prefix[] = "tamis_";
    uint8_t secret[32];
    crypt_random(secret, sizeof(secret));
    memcpy(out, prefix, sizeof(prefix) - 1);
    char *text = out + sizeof(prefix) - 1;
    must(sodium_base64_encoded_len(sizeof(secret), sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
         CRYPT_TOKEN_CHARS - (sizeof(prefix) - 1));
    (void)sodium_bin2base64(text, CRYPT_TOKEN_CHARS - (sizeof(prefix) - 1), secret, sizeof(secret),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypt_wipe(secret, sizeof(secret));
}

bool crypt_equal(const void *a, const void *b, size_t n) {
    return sodium_memcmp(a, b, n) == 0;
}

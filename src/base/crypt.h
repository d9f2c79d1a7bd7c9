/* crypt.h — hashing, randomness and tokens, on libsodium. */
#ifndef TAMIS_CRYPT_H
#define TAMIS_CRYPT_H

#include "attr.h"
#include "span.h"

enum { CRYPT_KEY_BYTES = 32, CRYPT_DIGEST_BYTES = 32, CRYPT_TOKEN_CHARS = 52 };

/* Once at start, before any other thread. 0 or -1. */
int crypt_init(void) WARN_UNUSED;

void crypt_random(void *out, size_t n);
void crypt_wipe(void *p, size_t n);

/* Keyed BLAKE2b with 8 bytes of output over the parts, each preceded by its length, so that
 * ("ab","c") and ("a","bc") differ. RFC 7693. */
uint64_t crypt_keyed_hash64(const uint8_t key[CRYPT_KEY_BYTES], const struct span *parts, size_t n);

/* Unkeyed BLAKE2b-256. */
void crypt_digest(struct span data, uint8_t out[CRYPT_DIGEST_BYTES]);

/* Incremental BLAKE2b-256, for files. */
struct crypt_hasher {
    _Alignas(64) unsigned char state[384];
};
void crypt_hasher_init(struct crypt_hasher *h);
void crypt_hasher_add(struct crypt_hasher *h, struct span data);
void crypt_hasher_end(struct crypt_hasher *h, uint8_t out[CRYPT_DIGEST_BYTES]);

/* Lower-case hex; out has room for 2n + 1. */
void crypt_hex(const uint8_t *bytes, size_t n, char *out);

/* A new API token: "tamis_" and 43 URL-safe characters (256 bits); NUL-terminated. Only its digest
 * is stored. */
void crypt_new_token(char out[CRYPT_TOKEN_CHARS]);

bool crypt_equal(const void *a, const void *b, size_t n); /* constant time */

#endif

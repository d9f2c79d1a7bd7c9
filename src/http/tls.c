/* tls.c — certificate and key for MHD's TLS, replaceable while running.
 *
 * MHD asks for the certificate at each handshake. A pair that was replaced may still be in use by a
 * handshake, so it is freed at the first reload after no handshake can be older than it. */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <pthread.h>

#include "server.h"

enum { MOST_CHAIN = 8, MOST_PEM_BYTES = 256 * 1024 };
#define LONGEST_HANDSHAKE_NS (600LL * 1000000000)

struct pair {
    struct pair *older;
    gnutls_pcert_st certs[MOST_CHAIN];
    unsigned cert_count;
    gnutls_privkey_t key;
    int64_t replaced_ns;
};

struct tls {
    const struct clock *clock;
    char *cert_path, *key_path;
    pthread_mutex_t lock;
    struct pair *current;
};

static void pair_free(struct pair *p) {
    for (unsigned i = 0; i < p->cert_count; i++)
        gnutls_pcert_deinit(&p->certs[i]);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    free(p);
}
DEFINE_FREEP(struct pair, pair_free)

/* GnuTLS checks that key and certificate belong together only in a credentials object. */
static int check_match(const gnutls_datum_t *cert, const gnutls_datum_t *key, struct err *err) {
    gnutls_certificate_credentials_t trial;
    if (gnutls_certificate_allocate_credentials(&trial) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = gnutls_certificate_set_x509_key_mem(trial, cert, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(trial);
    return rc < 0 ? err_set(err, ERR_INVALID, "TLS certificate and key: %s", gnutls_strerror(rc))
                  : 0;
}

static int pair_read(const struct tls *t, struct pair **ret, struct err *err) {
    BUF_AUTO cert_pem = {0};
    BUF_AUTO key_pem = {0};
    int rc = os_read_file(&os_system, t->cert_path, MOST_PEM_BYTES, &cert_pem, err);
    if (rc < 0 || (rc = os_read_file(&os_system, t->key_path, MOST_PEM_BYTES, &key_pem, err)) < 0)
        return rc;
    gnutls_datum_t cert = {(unsigned char *)cert_pem.data, (unsigned)cert_pem.len};
    gnutls_datum_t key = {(unsigned char *)key_pem.data, (unsigned)key_pem.len};
    if ((rc = check_match(&cert, &key, err)) < 0)
        return rc;
    CLEANUP(pair_freep) struct pair *p = calloc(1, sizeof(*p));
    if (!p)
        return err_set(err, ERR_NOMEM, "out of memory");
    unsigned count = MOST_CHAIN;
    rc = gnutls_pcert_list_import_x509_raw(p->certs, &count, &cert, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0)
        return err_set(err, ERR_INVALID, "TLS certificate: %s", gnutls_strerror(rc));
    p->cert_count = count;
    if (gnutls_privkey_init(&p->key) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = gnutls_privkey_import_x509_raw(p->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc < 0)
        return err_set(err, ERR_INVALID, "TLS key: %s", gnutls_strerror(rc));
    *ret = TAKE_PTR(p);
    return 0;
}

int tls_reload(struct tls *t, struct err *err) {
    struct pair *fresh = NULL;
    int rc = pair_read(t, &fresh, err);
    if (rc < 0)
        return rc;
    int64_t now = clock_mono_ns(t->clock);
    (void)pthread_mutex_lock(&t->lock);
    fresh->older = t->current;
    if (fresh->older)
        fresh->older->replaced_ns = now;
    t->current = fresh;
    struct pair **at = &fresh->older;
    while (*at && now - (*at)->replaced_ns <= LONGEST_HANDSHAKE_NS)
        at = &(*at)->older;
    struct pair *old = *at;
    *at = NULL;
    (void)pthread_mutex_unlock(&t->lock);
    while (old) {
        struct pair *older = old->older;
        pair_free(old);
        old = older;
    }
    return 0;
}

int tls_open(const char *cert, const char *key, const struct clock *clock, struct tls **ret,
             struct err *err) {
    struct tls *t = calloc(1, sizeof(*t));
    if (!t)
        return err_set(err, ERR_NOMEM, "out of memory");
    t->clock = clock;
    (void)pthread_mutex_init(&t->lock, NULL);
    t->cert_path = strdup(cert);
    t->key_path = strdup(key);
    int rc =
        t->cert_path && t->key_path ? tls_reload(t, err) : err_set(err, ERR_NOMEM, "out of memory");
    if (rc < 0) {
        tls_free(t);
        return rc;
    }
    *ret = t;
    return 0;
}

void tls_free(struct tls *t) {
    if (!t)
        return;
    while (t->current) {
        struct pair *older = t->current->older;
        pair_free(t->current);
        t->current = older;
    }
    (void)pthread_mutex_destroy(&t->lock);
    free(t->cert_path);
    free(t->key_path);
    free(t);
}

void tls_attach(struct tls *t, void *session) {
    gnutls_session_set_ptr(session, t);
}

static int choose(gnutls_session_t session, const gnutls_datum_t *req_ca, int ca_count,
                  const gnutls_pk_algorithm_t *algos, int algo_count, gnutls_pcert_st **ret_certs,
                  unsigned *ret_count, gnutls_privkey_t *ret_key) {
    struct tls *t = gnutls_session_get_ptr(session);
    if (!t)
        return -1;
    (void)pthread_mutex_lock(&t->lock);
    struct pair *p = t->current;
    (void)pthread_mutex_unlock(&t->lock);
    *ret_certs = p->certs;
    *ret_count = p->cert_count;
    *ret_key = p->key;
    return 0;
}

void *tls_callback(void) {
    gnutls_certificate_retrieve_function2 *f = choose;
    void *p;
    memcpy(&p, &f, sizeof(p));
    return p;
}

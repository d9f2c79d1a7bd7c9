#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static _Atomic int least_level = LOG_INFO_LEVEL;

static const char *const words[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level) {
    atomic_store(&least_level, (int)level);
}

int log_parse_level(const char *word, enum log_level *ret) {
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    return -1;
}

void log_write(enum log_level level, const char *fmt, ...) {
    if ((int)level < atomic_load(&least_level))
        return;
    char line[1024];
    time_t now = time(NULL);
    struct tm tm;
    (void)gmtime_r(&now, &tm);
    size_t n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ ", &tm);
    n += (size_t)snprintf(line + n, sizeof(line) - n, "%-5s ", words[level]);
    va_list ap;
    va_start(ap, fmt);
    int text = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
    va_end(ap);
    if (text > 0)
        n += (size_t)text < sizeof(line) - n - 1 ? (size_t)text : sizeof(line) - n - 2;
    line[n++] = '\n';
    (void)fwrite(line, 1, n, stderr); /* one write: lines of several threads do not mix */
}

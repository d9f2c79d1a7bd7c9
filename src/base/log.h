/* log.h — one line a message to standard error: time, level, text.
 *
 * Only app/ and http/ log. Never pass visitor data: no address, user agent, URL, body or header. */
#ifndef TAMIS_LOG_H
#define TAMIS_LOG_H

#include "attr.h"

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARN_LEVEL, LOG_ERROR_LEVEL };

/* Messages below `level` are dropped. The sink is the one mutable global of the program. */
void log_set_level(enum log_level level);
int log_parse_level(const char *word, enum log_level *ret); /* debug|info|warn|error; 0 or -1 */

void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_debug(...) log_write(LOG_DEBUG_LEVEL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO_LEVEL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN_LEVEL, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR_LEVEL, __VA_ARGS__)

#endif

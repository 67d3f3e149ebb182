/* log.h - diagnostics on standard error, off unless asked for. */
#ifndef MINILISP_LOG_H
#define MINILISP_LOG_H

#include <stddef.h>

typedef enum LogLevel { LOG_OFF, LOG_WARN, LOG_INFO, LOG_DEBUG } LogLevel;

#if defined(__GNUC__)
#define LOG_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define LOG_PRINTF(f, a)
#endif

void log_set_level(LogLevel level);
LogLevel log_get_level(void);
void log_write(LogLevel level, const char *fmt, ...) LOG_PRINTF(2, 3);
void log_hexdump(const void *data, size_t len);

#endif

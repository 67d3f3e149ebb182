/* log.c - diagnostics. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static LogLevel g_log_level = LOG_OFF;

void log_set_level(LogLevel level)
{
    g_log_level = level;
}

LogLevel log_get_level(void)
{
    return g_log_level;
}

void log_write(LogLevel level, const char *fmt, ...)
{
    static const char *const names[] = {"off", "warn", "info", "debug"};
    if (level == LOG_OFF || level > g_log_level)
        return;
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "minilisp[%s]: ", names[level]);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* Nothing has asked for this since the wire protocol went away. */
void log_hexdump(const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, "%02x%c", p[i], i % 16 == 15 ? '\n' : ' ');
    fputc('\n', stderr);
}

#include "settings_load.h"

#include <stdarg.h>
#include <stdio.h>

#include "log.h"

/* libconfuse's callbacks carry no context that could count them. */
static unsigned faults;

static void fault_log(const char *file, int line, const char *reason)
{
	char number[sizeof("-2147483648")];
	int n = snprintf(number, sizeof(number), "%d", line);

	log_event(LOG_LEVEL_ERROR, "settings refused", "file", file,
	    "line", n > 0 && line > 0 ? number : NULL, "reason", reason, NULL);
}

void settings_fault(const char *file, int line, const char *format, ...)
{
	char reason[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	faults++;
	fault_log(file, line, n >= 0 ? reason : format);
}

unsigned settings_faults(void)
{
	return faults;
}

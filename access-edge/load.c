/*
 * Overload. A loop that is late once has met a hiccup of the host; one that
 * is late second after second can't keep up.
 */
#include "access-edge/load.h"

#include <malloc.h>
#include <string.h>

static enum load_level of_lag(unsigned late_seconds)
{
	if (late_seconds >= 5)
		return LOAD_NO_PARTNERS;
	if (late_seconds >= 3)
		return LOAD_NO_CLIENTS;
	return late_seconds >= 2 ? LOAD_NO_CONNECTIONS : LOAD_FINE;
}

static enum load_level of_memory(size_t memory, size_t mark)
{
	if (memory >= mark / 10 * 11)
		return LOAD_NO_PARTNERS;
	if (memory >= mark)
		return LOAD_NO_CLIENTS;
	return memory >= mark / 20 * 19 ? LOAD_NO_CONNECTIONS : LOAD_FINE;
}

bool load_note(struct load *load, int64_t lag_ms, size_t memory,
	size_t memory_mark)
{
	enum load_level was = load->level;
	enum load_level lag, full;

	load->late_seconds = lag_ms > LOAD_LAG_MS ? load->late_seconds + 1 :
		0;
	lag = of_lag(load->late_seconds);
	full = of_memory(memory, memory_mark);
	load->level = lag > full ? lag : full;
	load->cause = load->level == LOAD_FINE ? "" : lag >= full ? "lag" :
		"memory";
	return load->level != was;
}

const char *load_setting(const struct load *load)
{
	return load->cause != NULL && strcmp(load->cause, "memory") == 0 ?
		"memory_mark_mb" : NULL;
}

const char *load_level_name(enum load_level level)
{
	static const char *const names[] = {
		[LOAD_FINE] = "fine",
		[LOAD_NO_CONNECTIONS] = "no-connections",
		[LOAD_NO_CLIENTS] = "no-clients",
		[LOAD_NO_PARTNERS] = "no-partners",
	};

	return names[level];
}

size_t load_memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/*
 * The doctor on the clock: credentials and certificates live by it. Is it
 * kept by somebody, and is it later than our own certificates' first day?
 */
#include <string.h>
#include <sys/timex.h>

#include "common/net/tls.h"
#include "edgectl/doctor/doctor.h"

/* Beyond this, credentials of a pool fail on one edge and not the other. */
#define ERROR_MAX_US 1000000

static void check_kept(struct doctor *d)
{
	struct timex tx = {.modes = 0};
	int state = adjtimex(&tx);

	if (state < 0)
		return;
	if (state == TIME_ERROR || (tx.status & STA_UNSYNC) != 0)
		doctor_add(d, DOCTOR_WARN, "synchronisation",
			"apt install chrony; chronyc tracking",
			"nobody keeps this host's clock");
	else if (tx.maxerror > ERROR_MAX_US)
		doctor_add(d, DOCTOR_WARN, "synchronisation",
			"look at chronyc tracking",
			"the clock may be wrong by %ld ms", tx.maxerror / 1000);
	else
		doctor_add(d, DOCTOR_OK, "synchronisation", NULL,
			"kept, within %ld ms", tx.maxerror / 1000);
}

static void check_certificate_dates(struct doctor *d)
{
	const struct wall now = wall_now();
	char text[WALL_TEXT_LEN];
	struct tls_cert_info info;

	for (size_t i = 0; i < CONF_USE_COUNT; i++) {
		struct why why = {""};

		if (tls_cert_info_load(d->conf->certs[i].chain, &info, &why) !=
			0)
			continue;
		if (info.not_before.s <= now.s)
			continue;
		doctor_add(d, DOCTOR_FAIL, "time of day",
			"set the clock: "
			"date -u, or chronyc makestep",
			"%s is before the first day of the %s certificate",
			wall_text(now, text), conf_use_name((enum conf_use)i));
		return;
	}
	doctor_add(d, DOCTOR_OK, "time of day", NULL, "%s",
		wall_text(now, text));
}

/* A stopped monotonic clock stops every timer; some sandboxes do that. */
static void check_monotonic(struct doctor *d)
{
	const uint64_t before = mono_now_us();
	uint64_t after = before;

	for (unsigned i = 0; i < 10000000 && after == before; i++)
		after = mono_now_us();
	if (after <= before)
		doctor_add(d, DOCTOR_FAIL, "monotonic clock",
			"look at the virtual machine's clock source",
			"it does not advance");
}

void doctor_clock(struct doctor *d)
{
	check_kept(d);
	check_monotonic(d);
	if (d->conf != NULL)
		check_certificate_dates(d);
}

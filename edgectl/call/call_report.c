/* Numbers and words of a finished call. Running it is call.c's. */
#include <stdio.h>
#include <string.h>

#include "edgectl/call/call.h"
#include "edgectl/call/call_report.h"
#include "edgectl/call/ladder.h"
#include "edgectl/output.h"

struct totals {
	json_int_t sent;
	json_int_t received;
	json_int_t lost;
};

static json_t *one_way(const struct probe_srtp *from,
	const struct probe_srtp *to, struct totals *totals)
{
	const struct rtp_stats *s;
	uint32_t sent;

	if (from == NULL || to == NULL)
		return json_null();
	s = probe_srtp_stats(to);
	sent = probe_srtp_sent(from);
	totals->sent += sent;
	totals->received += s->received;
	totals->lost += rtp_stats_lost(s, sent);
	return json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:f,s:f,s:f,s:f}", "sent",
		(int)sent, "received", (int)s->received, "lost",
		(int)rtp_stats_lost(s, sent), "duplicates", (int)s->duplicates,
		"reordered", (int)s->reordered, "refused",
		(int)probe_srtp_refused(to), "jitter_ms",
		rtp_stats_jitter_ms(s), "delay_ms", rtp_stats_delay_ms(s),
		"delay_min_ms", (double)s->delay_min_us / 1000.0,
		"delay_max_ms", (double)s->delay_max_us / 1000.0);
}

json_t *call_report_media(const struct call_streams *streams)
{
	struct totals totals = {0, 0, 0};
	json_t *inwards = one_way(streams->outside, streams->inside, &totals);
	json_t *outwards = one_way(streams->inside, streams->outside, &totals);

	return json_pack("{s:I,s:I,s:I,s:o,s:o}", "sent", totals.sent,
		"received", totals.received, "lost", totals.lost,
		"outside_to_inside", inwards, "inside_to_outside", outwards);
}

static const struct output_column STEP_COLUMNS[] = {
	{"STEP", "name", 0},
	{"OK", "ok", 0},
	{"MS", "ms", 0},
};

static const struct output_column WAY_COLUMNS[] = {
	{"WAY", "way", 0},
	{"SENT", "sent", 0},
	{"RECEIVED", "received", 0},
	{"LOST", "lost", 0},
	{"JITTER MS", "jitter_ms", 0},
	{"DELAY MS", "delay_ms", 0},
	{"MAX MS", "delay_max_ms", 0},
};

static void media_text(FILE *to, const json_t *media)
{
	static const struct {
		const char *key;
		const char *name;
	} WAYS[] = {
		{"outside_to_inside", "outside to inside"},
		{"inside_to_outside", "inside to outside"},
	};
	json_t *rows = json_array();

	for (size_t i = 0; i < ARRAY_COUNT(WAYS); i++) {
		json_t *way = json_object_get(media, WAYS[i].key);
		json_t *row;

		if (!json_is_object(way))
			continue;
		row = json_copy(way);
		json_object_set_new(row, "way", json_string(WAYS[i].name));
		json_array_append_new(rows, row);
	}
	if (json_array_size(rows) > 0) {
		fputc('\n', to);
		output_table(to, rows, WAY_COLUMNS, ARRAY_COUNT(WAY_COLUMNS));
	}
	json_decref(rows);
}

void call_text(FILE *to, const json_t *report)
{
	const json_t *call = json_object_get(report, "call");

	ladder_print(to, json_object_get(report, "ladder"));
	fputc('\n', to);
	output_table(to, json_object_get(report, "steps"), STEP_COLUMNS,
		ARRAY_COUNT(STEP_COLUMNS));
	if (call != NULL) {
		media_text(to, json_object_get(call, "media"));
		if (output_str(call, "relay.inside", "")[0] != '\0')
			fprintf(to, "\nrelay: outside %s, inside %s (%s)\n",
				output_str(call, "relay.outside", "-"),
				output_str(call, "relay.inside", "-"),
				output_str(call, "relay.path", ""));
		if (json_is_true(json_object_get(call, "established")))
			fprintf(to, "call set up in %lld ms\n",
				json_integer_value(
					json_object_get(call, "setup_ms")));
	}
	if (json_is_true(json_object_get(report, "ok")))
		fprintf(to, "ok\n");
	else
		fprintf(to,
			"\nFAILED in \"%s\": %s\n"
			"'edgectl doctor' looks for the cause; the daemons' "
			"logs have it too.\n",
			output_str(report, "failed.step", "?"),
			output_str(report, "failed.text", ""));
}

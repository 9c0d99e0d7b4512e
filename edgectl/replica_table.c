/* Rows and their drawing; where they come from is the commands' affair. */
#include "edgectl/replica_table.h"

#include <string.h>

#include "common/base/attr.h"
#include "edgectl/output.h"

static json_t *moment(const json_t *status, const char *key)
{
	const json_t *value = json_object_get(status, key);
	char text[WALL_TEXT_LEN];

	if (json_is_string(value))
		return json_copy(json_object_get(status, key));
	if (!json_is_integer(value) || json_integer_value(value) == 0)
		return json_null();
	return json_string(wall_text((struct wall){json_integer_value(value)},
		text));
}

static json_t *copy_of(const json_t *status, const char *key)
{
	json_t *value = json_object_get(status, key);

	return value != NULL ? json_deep_copy(value) : json_null();
}

static void set_version(json_t *row, const json_t *current)
{
	const json_t *epoch = json_object_get(current, "epoch");
	const json_t *serial = json_object_get(current, "serial");
	char text[64];

	json_object_set_new(row, "epoch", copy_of(current, "epoch"));
	json_object_set_new(row, "serial", copy_of(current, "serial"));
	if (!json_is_integer(epoch) || !json_is_integer(serial))
		return;
	snprintf(text, sizeof(text), "%lld.%lld",
		(long long)json_integer_value(epoch),
		(long long)json_integer_value(serial));
	json_object_set_new(row, "version", json_string(text));
}

json_t *replica_table_row(const char *fqdn, const json_t *status)
{
	const json_t *error = json_object_get(status, "last_error");
	json_t *row = json_pack("{s:s}", "ReplicaFqdn", fqdn);

	if (row == NULL)
		return NULL;
	json_object_set_new(row, "UpToDate", copy_of(status, "up_to_date"));
	json_object_set_new(row, "LastStatusReport",
		moment(status, "last_status_report"));
	json_object_set_new(row, "LastUpdateCreation",
		moment(status, "last_update_creation"));
	json_object_set_new(row, "ProductVersion",
		copy_of(status, "product_version"));
	json_object_set_new(row, "pool", copy_of(status, "pool_fqdn"));
	json_object_set_new(row, "pinned", copy_of(status, "pinned"));
	json_object_set_new(row, "stale", copy_of(status, "stale"));
	json_object_set_new(row, "daemons", copy_of(status, "daemons"));
	if (json_is_string(json_object_get(error, "text")))
		json_object_set_new(row, "error", copy_of(error, "text"));
	set_version(row, json_object_get(status, "current"));
	return row;
}

static const struct output_column COLUMNS[] = {
	{"UPTODATE", "UpToDate", 0},
	{"REPLICA", "ReplicaFqdn", 48},
	{"LASTSTATUSREPORT", "LastStatusReport", 0},
	{"LASTUPDATECREATION", "LastUpdateCreation", 0},
	{"PRODUCTVERSION", "ProductVersion", 0},
	{"VERSION", "version", 0},
	{"LAG", "lag", 0},
	{"STATE", "state", 0},
	{"WHAT IT SAYS", "error", 100},
};

void replica_table_print(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "replicas"), COLUMNS,
		ARRAY_COUNT(COLUMNS));
}

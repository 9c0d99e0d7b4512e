/* The record from inside: for record*.c only. */
#ifndef EDGECTL_PUBLISH_RECORD_PRIV_H
#define EDGECTL_PUBLISH_RECORD_PRIV_H

#include "edgectl/publish/record.h"

struct record {
	const struct record_driver *driver;
	void *db;       /* the driver's */
	uint32_t epoch; /* ours; 0 = not in office */
};

#endif

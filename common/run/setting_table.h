/* Parts of the settings table that are files of their own. */
#ifndef RUN_SETTING_TABLE_H
#define RUN_SETTING_TABLE_H

#include "common/run/setting.h"

#define SETTING_WEBCONF_COUNT 27u
extern const struct setting_def SETTING_WEBCONF[SETTING_WEBCONF_COUNT];

#define SETTING_FEDERATION_COUNT 22u
extern const struct setting_def
	SETTING_FEDERATION[SETTING_FEDERATION_COUNT];
#define SETTING_SIP_GUARD_COUNT 15u
extern const struct setting_def SETTING_SIP_GUARD[SETTING_SIP_GUARD_COUNT];

#define SETTING_REPLICATION_COUNT 8u
extern const struct setting_def
	SETTING_REPLICATION[SETTING_REPLICATION_COUNT];

#endif

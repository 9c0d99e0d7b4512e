/*
 * What agent and publisher both call by name: paths, headers and limits of
 * HTTPS 4443 (docs/protocol/replication.md 6).
 */
#ifndef BUNDLE_BUNDLE_WIRE_H
#define BUNDLE_BUNDLE_WIRE_H

#define BUNDLE_PATH_STATUS   "/replication/v1/status"
#define BUNDLE_PATH_BUNDLES  "/replication/v1/bundles/" /* manifest hash */
#define BUNDLE_PATH_ACTIVATE "/replication/v1/activate"
#define BUNDLE_PATH_ABORT    "/replication/v1/abort"
#define BUNDLE_PATH_HEAD     "/replication/v1/head"
#define BUNDLE_PATH_EVENTS   "/replication/v1/events" /* ?after=N&wait=S */

#define BUNDLE_HEADER_VERSION "Edge-Version" /* "epoch.serial" */
#define BUNDLE_CONTENT_TYPE   "application/vnd.sallyport.bundle"

#define BUNDLE_SKEW_S      300  /* created may lie so far ahead */
#define BUNDLE_HEAD_LIFE_S 3600 /* of a head; re-issued every 5 minutes */
#define BUNDLE_WAIT_MAX_S  55   /* of the long poll */

#endif

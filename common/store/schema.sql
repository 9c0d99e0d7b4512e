PRAGMA application_id = 0x45444754;
PRAGMA user_version = 1;
CREATE TABLE meta(
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE site(
  site_id  INTEGER PRIMARY KEY,
  name     TEXT NOT NULL UNIQUE COLLATE NOCASE,
  kind     TEXT NOT NULL CHECK(kind IN('central','branch')),
  parent   INTEGER REFERENCES site(site_id),
  federation_pool INTEGER REFERENCES pool(pool_id) DEFERRABLE INITIALLY DEFERRED) STRICT;
CREATE TABLE sip_domain(
  name        TEXT PRIMARY KEY COLLATE NOCASE,
  is_default  INTEGER NOT NULL DEFAULT 0 CHECK(is_default IN(0,1)),
  authoritative INTEGER NOT NULL DEFAULT 0 CHECK(authoritative IN(0,1)),
  allow_subdomains INTEGER NOT NULL DEFAULT 0 CHECK(allow_subdomains IN(0,1))) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_default_domain ON sip_domain(is_default) WHERE is_default=1;
CREATE TABLE pool(
  pool_id  INTEGER PRIMARY KEY,
  site_id  INTEGER NOT NULL REFERENCES site(site_id),
  number   INTEGER NOT NULL,
  ext_uid  TEXT UNIQUE,
  fqdn     TEXT NOT NULL UNIQUE COLLATE NOCASE,
  replicated INTEGER NOT NULL DEFAULT 1 CHECK(replicated IN(0,1)),
  balancing TEXT NOT NULL DEFAULT 'none' CHECK(balancing IN('none','dns','hlb')),
  UNIQUE(site_id, number)) STRICT;
CREATE TABLE machine(
  machine_id INTEGER PRIMARY KEY,
  pool_id  INTEGER NOT NULL REFERENCES pool(pool_id) ON DELETE CASCADE,
  ordinal  INTEGER NOT NULL,
  fqdn     TEXT NOT NULL UNIQUE COLLATE NOCASE,
  state    TEXT NOT NULL DEFAULT 'active' CHECK(state IN('active','drain','disabled')),
  UNIQUE(pool_id, ordinal)) STRICT;
CREATE TABLE net_interface(
  machine_id INTEGER NOT NULL REFERENCES machine(machine_id) ON DELETE CASCADE,
  side     TEXT NOT NULL CHECK(side IN('internal','external','primary','pstn')),
  number   INTEGER NOT NULL DEFAULT 1 CHECK(number BETWEEN 1 AND 99),
  family   INTEGER NOT NULL DEFAULT 4 CHECK(family IN(4,6)),
  address  TEXT NOT NULL,
  nat_address TEXT,
  PRIMARY KEY(machine_id, side, number, family),
  CHECK(NOT(side='internal' AND nat_address IS NOT NULL))) STRICT, WITHOUT ROWID;
CREATE TABLE service(
  service_id INTEGER PRIMARY KEY,
  pool_id  INTEGER NOT NULL REFERENCES pool(pool_id) ON DELETE CASCADE,
  role     TEXT NOT NULL,
  instance INTEGER NOT NULL DEFAULT 1,
  ext_uid  TEXT UNIQUE,
  UNIQUE(pool_id, role, instance)) STRICT;
CREATE TABLE endpoint(
  endpoint_id INTEGER PRIMARY KEY,
  service_id INTEGER NOT NULL REFERENCES service(service_id) ON DELETE CASCADE,
  component TEXT NOT NULL,
  usage    TEXT NOT NULL,
  side     TEXT NOT NULL CHECK(side IN('internal','external','primary','pstn')),
  iface_number INTEGER NOT NULL DEFAULT 1,
  port     INTEGER NOT NULL CHECK(port BETWEEN 1 AND 65535),
  port_count INTEGER NOT NULL DEFAULT 1 CHECK(port_count>=1 AND port+port_count-1<=65535),
  transport TEXT NOT NULL CHECK(transport IN('tcp','udp','tcp_or_udp','tls','mtls','http','https')),
  url_path TEXT NOT NULL DEFAULT '/',
  authorizes INTEGER NOT NULL DEFAULT 0 CHECK(authorizes IN(0,1)),
  gruu_type TEXT,
  public_fqdn TEXT COLLATE NOCASE,
  public_port INTEGER CHECK(public_port BETWEEN 1 AND 65535),
  enabled  INTEGER NOT NULL DEFAULT 1 CHECK(enabled IN(0,1)),
  UNIQUE(service_id, component, usage, side, iface_number, transport, port, url_path)) STRICT;
CREATE TABLE next_hop(
  pool_id  INTEGER NOT NULL REFERENCES pool(pool_id) ON DELETE CASCADE,
  ordinal  INTEGER NOT NULL,
  fqdn     TEXT NOT NULL COLLATE NOCASE,
  port     INTEGER NOT NULL DEFAULT 5061,
  weight   INTEGER NOT NULL DEFAULT 100,
  PRIMARY KEY(pool_id, ordinal)) STRICT, WITHOUT ROWID;
CREATE TABLE trusted_server(
  fqdn     TEXT NOT NULL COLLATE NOCASE,
  edge_pool INTEGER NOT NULL REFERENCES pool(pool_id) ON DELETE CASCADE,
  grants   TEXT NOT NULL CHECK(grants IN('sip','av-auth','webconf','replication')),
  server_uuid TEXT,
  spki_sha256 BLOB CHECK(spki_sha256 IS NULL OR length(spki_sha256)=32),
  PRIMARY KEY(edge_pool, grants, fqdn)) STRICT, WITHOUT ROWID;
CREATE TABLE federated_domain(
  domain   TEXT PRIMARY KEY COLLATE NOCASE,
  action   TEXT NOT NULL CHECK(action IN('allow','block')),
  edge_fqdn TEXT COLLATE NOCASE,
  edge_port INTEGER CHECK(edge_port BETWEEN 1 AND 65535),
  verification TEXT NOT NULL DEFAULT 'source' CHECK(verification IN('always','source','never')),
  note     TEXT,
  CHECK(NOT(action='block' AND edge_fqdn IS NOT NULL))) STRICT, WITHOUT ROWID;
CREATE TABLE provider(
  name     TEXT PRIMARY KEY COLLATE NOCASE,
  kind     TEXT NOT NULL CHECK(kind IN('hosting','public')),
  proxy_fqdn TEXT NOT NULL UNIQUE COLLATE NOCASE,
  enabled  INTEGER NOT NULL DEFAULT 0 CHECK(enabled IN(0,1)),
  shared_address_space INTEGER NOT NULL DEFAULT 0 CHECK(shared_address_space IN(0,1)),
  verification TEXT NOT NULL DEFAULT 'always' CHECK(verification IN('always','source','never'))) STRICT, WITHOUT ROWID;
CREATE TABLE sealed_key(
  machine_id INTEGER NOT NULL REFERENCES machine(machine_id) ON DELETE CASCADE,
  purpose  TEXT NOT NULL CHECK(purpose IN('av','flow')),
  key_id   INTEGER NOT NULL,
  role     TEXT NOT NULL CHECK(role IN('current','previous')),
  cms      BLOB NOT NULL,
  PRIMARY KEY(machine_id, purpose, key_id)) STRICT, WITHOUT ROWID;
CREATE TABLE setting(
  scope    TEXT NOT NULL,
  component TEXT NOT NULL,
  key      TEXT NOT NULL,
  value    TEXT NOT NULL,
  PRIMARY KEY(scope, component, key)) STRICT, WITHOUT ROWID;
CREATE VIEW listener AS
 SELECT m.fqdn machine, p.fqdn pool, e.component, e.usage, e.side, e.iface_number,
   n.family, n.address, n.nat_address, e.transport, e.port, e.port_count,
   e.url_path, e.authorizes, e.gruu_type, COALESCE(e.public_fqdn, p.fqdn) public_fqdn,
   COALESCE(e.public_port,e.port) public_port
 FROM endpoint e JOIN service s USING(service_id) JOIN pool p USING(pool_id)
 JOIN machine m USING(pool_id)
 JOIN net_interface n ON n.machine_id=m.machine_id AND n.side=e.side AND n.number=e.iface_number
 WHERE e.enabled=1 AND m.state<>'disabled' AND e.usage NOT IN('MediaCommunication');

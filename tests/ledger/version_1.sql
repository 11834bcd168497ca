-- A ledger as the version of this program that had schema version 1 left it: one run ended, the next was killed.
BEGIN TRANSACTION;
CREATE TABLE attempts (
  id INTEGER NOT NULL,
  ticket INTEGER NOT NULL,
  run TEXT NOT NULL,
  intended_at TEXT NOT NULL,
  request TEXT NOT NULL,
  outcome TEXT,
  http_status INTEGER,
  detail TEXT DEFAULT '' NOT NULL,
  settled_at TEXT,
  settled_after INTEGER,
  wait_s FLOAT,
  PRIMARY KEY (id),
  FOREIGN KEY(ticket) REFERENCES tickets (id),
  FOREIGN KEY(run) REFERENCES runs (id)
);
INSERT INTO "attempts" VALUES(1,1,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{}','created',200,'','2026-03-01T09:30:00Z',3,NULL);
INSERT INTO "attempts" VALUES(2,2,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{}','refused',400,'Title is missing','2026-03-01T09:30:00Z',3,NULL);
INSERT INTO "attempts" VALUES(3,3,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{}','unclear',NULL,'the server closed','2026-03-01T09:30:00Z',3,NULL);
INSERT INTO "attempts" VALUES(4,5,'old-helpdesk.20260301T093000Z.12364f','2026-03-01T09:30:00Z','{}',NULL,NULL,'',NULL,NULL,NULL);
CREATE TABLE ledger_meta (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
);
INSERT INTO "ledger_meta" VALUES('schema_version','1');
CREATE TABLE rejections (
  run TEXT NOT NULL,
  manifest_row INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  code TEXT NOT NULL,
  error TEXT NOT NULL,
  hint TEXT NOT NULL,
  PRIMARY KEY (run, manifest_row),
  FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE TABLE runs (
  id TEXT NOT NULL,
  account TEXT NOT NULL,
  source TEXT NOT NULL,
  command TEXT NOT NULL,
  manifest TEXT NOT NULL,
  manifest_sha256 TEXT NOT NULL,
  mapping_sha256 TEXT NOT NULL,
  key_field TEXT,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  exit_code INTEGER,
  rows INTEGER,
  boot_id TEXT NOT NULL,
  lease_until FLOAT NOT NULL,
  PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('old-helpdesk.20260301T093000Z.f87c39','tenant','old-helpdesk','run','tickets.csv','00','11',NULL,'import.example.com',4711,'2026-03-01T09:30:00Z','2026-03-01T09:30:00Z',1,NULL,'8f2c4e10-0000-4000-8000-000000000000',17859.678672086);
INSERT INTO "runs" VALUES('old-helpdesk.20260301T093000Z.12364f','tenant','old-helpdesk','run','tickets.csv','00','11',NULL,'import.example.com',4711,'2026-03-01T09:30:00Z',NULL,NULL,NULL,'8f2c4e10-0000-4000-8000-000000000000',17859.698658058);
CREATE TABLE tickets (
  id INTEGER NOT NULL,
  account TEXT NOT NULL,
  source TEXT NOT NULL,
  "key" TEXT NOT NULL,
  state TEXT NOT NULL,
  held_by TEXT,
  run TEXT,
  manifest_row INTEGER NOT NULL,
  content TEXT DEFAULT '' NOT NULL,
  number TEXT DEFAULT '' NOT NULL,
  ticket_id TEXT DEFAULT '' NOT NULL,
  ticket_key TEXT DEFAULT '' NOT NULL,
  error_code TEXT DEFAULT '' NOT NULL,
  error TEXT DEFAULT '' NOT NULL,
  attempts INTEGER DEFAULT '0' NOT NULL,
  finished_at TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (account, source, "key")
);
INSERT INTO "tickets" VALUES(1,'tenant','old-helpdesk','made','created',NULL,'old-helpdesk.20260301T093000Z.f87c39',2,'content of made','157','5af882cc-0000-4000-8000-000000000000','#157','','',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(2,'tenant','old-helpdesk','failed','failed',NULL,'old-helpdesk.20260301T093000Z.f87c39',3,'content of failed','','','','refused','Title is missing',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(3,'tenant','old-helpdesk','unknown','unknown',NULL,'old-helpdesk.20260301T093000Z.f87c39',4,'content of unknown','','','','no-answer','the server closed',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(4,'tenant','old-helpdesk','pending','pending',NULL,NULL,5,'','','','','','',0,'');
INSERT INTO "tickets" VALUES(5,'tenant','old-helpdesk','under way','sending','old-helpdesk.20260301T093000Z.12364f','old-helpdesk.20260301T093000Z.12364f',2,'content of under way','','','','','',1,'');
CREATE INDEX tickets_by_holder ON tickets (held_by, state);
CREATE INDEX ix_attempts_ticket ON attempts (ticket);
COMMIT;

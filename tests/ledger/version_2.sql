-- A ledger as the version of this program that had schema version 2 left it: one run ended, the next was killed.
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
INSERT INTO "attempts" VALUES(1,1,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of made – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "made@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}','created',200,'','2026-03-01T09:30:00Z',7,NULL);
INSERT INTO "attempts" VALUES(2,2,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of failed – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "failed@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}','refused',400,'Title is missing','2026-03-01T09:30:00Z',7,NULL);
INSERT INTO "attempts" VALUES(3,3,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of unknown – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "unknown@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}','unclear',NULL,'the server closed','2026-03-01T09:30:00Z',7,NULL);
INSERT INTO "attempts" VALUES(4,5,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "LeadId": "5af882cc-0000-4000-8000-0000000000aa", "Fields": [{"SchemaName": "Title", "Value": "Title of by lead id – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}], "RelatedTicketTypeId": 1}','created',200,'','2026-03-01T09:30:00Z',7,NULL);
INSERT INTO "attempts" VALUES(5,6,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of found – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "found@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}','unclear',NULL,'the server closed','2026-03-01T09:30:00Z',7,NULL);
INSERT INTO "attempts" VALUES(6,7,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of not found – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "not.found@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}','unclear',NULL,'the server closed','2026-03-01T09:30:00Z',7,NULL);
INSERT INTO "attempts" VALUES(7,8,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of retried – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "retried@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}','throttled',429,'','2026-03-01T09:30:00Z',7,NULL);
INSERT INTO "attempts" VALUES(8,8,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of retried – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "retried@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}','created',200,'','2026-03-01T09:30:00Z',8,NULL);
INSERT INTO "attempts" VALUES(9,6,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','','found',NULL,'','2026-03-01T09:30:00Z',NULL,NULL);
INSERT INTO "attempts" VALUES(10,7,'old-helpdesk.20260301T093000Z.f87c39','2026-03-01T09:30:00Z','','not-found',NULL,'no ticket','2026-03-01T09:30:00Z',NULL,NULL);
INSERT INTO "attempts" VALUES(11,9,'old-helpdesk.20260301T093000Z.12364f','2026-03-01T09:30:00Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "Title of under way – ü😀"}, {"SchemaName": "Description", "Value": "A text\nof two lines"}, {"SchemaName": "LeadDetail.EmailAddress", "Value": "under.way@example.com"}, {"SchemaName": "LeadDetail.Phone", "Value": "+491701234567"}], "RelatedTicketTypeId": 1}',NULL,NULL,'',NULL,NULL,NULL);
CREATE TABLE calls (
  account TEXT NOT NULL,
  minute INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (account, minute)
);
CREATE TABLE ledger_meta (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
);
INSERT INTO "ledger_meta" VALUES('schema_version','2');
CREATE TABLE quotas (
  account TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  pool TEXT NOT NULL,
  PRIMARY KEY (account)
);
INSERT INTO "quotas" VALUES('tenant','8f2c4e10-0000-4000-8000-000000000000','{"slots":[],"users":{},"last_at":null,"paused_until":null,"share":[null,null],"alone":null}');
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
INSERT INTO "rejections" VALUES('old-helpdesk.20260301T093000Z.f87c39',20,'rejected','empty','Title is empty','fill it in');
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
INSERT INTO "runs" VALUES('old-helpdesk.20260301T093000Z.f87c39','tenant','old-helpdesk','run','tickets.csv','00','11',NULL,'import.example.com',4711,'2026-03-01T09:30:00Z','2026-03-01T09:40:00Z',1,NULL,'8f2c4e10-0000-4000-8000-000000000000',836.99313713);
INSERT INTO "runs" VALUES('old-helpdesk.20260301T093000Z.12364f','tenant','old-helpdesk','run','tickets.csv','00','11',NULL,'import.example.com',4711,'2026-03-01T09:30:00Z',NULL,NULL,NULL,'8f2c4e10-0000-4000-8000-000000000000',837.01263578);
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
INSERT INTO "tickets" VALUES(1,'tenant','old-helpdesk','made','created',NULL,'old-helpdesk.20260301T093000Z.f87c39',2,'content of made','157','5af882cc-0000-4000-8000-000000000157','#157','','',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(2,'tenant','old-helpdesk','failed','failed',NULL,'old-helpdesk.20260301T093000Z.f87c39',3,'content of failed','','','','refused','Title is missing',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(3,'tenant','old-helpdesk','unknown','unknown',NULL,'old-helpdesk.20260301T093000Z.f87c39',4,'content of unknown','','','','no-answer','the server closed',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(4,'tenant','old-helpdesk','pending','pending',NULL,NULL,5,'','','','','','',0,'');
INSERT INTO "tickets" VALUES(5,'tenant','old-helpdesk','by lead id','created',NULL,'old-helpdesk.20260301T093000Z.f87c39',6,'content of by lead id','158','5af882cc-0000-4000-8000-000000000158','#158','','',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(6,'tenant','old-helpdesk','found','created',NULL,'old-helpdesk.20260301T093000Z.f87c39',7,'content of found','160','5af882cc-0000-4000-8000-000000000160','#160','','',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(7,'tenant','old-helpdesk','not found','unknown',NULL,'old-helpdesk.20260301T093000Z.f87c39',8,'content of not found','','','','not-found','no ticket',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(8,'tenant','old-helpdesk','retried','created',NULL,'old-helpdesk.20260301T093000Z.f87c39',9,'content of retried','159','5af882cc-0000-4000-8000-000000000159','#159','','',1,'2026-03-01T09:30:00Z');
INSERT INTO "tickets" VALUES(9,'tenant','old-helpdesk','under way','sending','old-helpdesk.20260301T093000Z.12364f','old-helpdesk.20260301T093000Z.12364f',10,'content of under way','','','','','',1,'');
CREATE INDEX tickets_by_holder ON tickets (held_by, state);
CREATE INDEX ix_attempts_ticket ON attempts (ticket);
COMMIT;

-- A ledger as the version of this program that had schema version 4 left it: one run ended, the next was killed.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('4');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	ticket INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	intended_at TEXT NOT NULL, 
	request TEXT NOT NULL, 
	title_hash TEXT DEFAULT '' NOT NULL, 
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
INSERT INTO "attempts" VALUES(1,1,'old-helpdesk.20260102T093547Z.350e6b','2026-01-02T09:35:47Z','','ead20581e983bd46b84af684f584dbf7','created',200,'','2026-01-02T09:35:47Z',4,NULL);
INSERT INTO "attempts" VALUES(2,2,'old-helpdesk.20260102T093547Z.350e6b','2026-01-02T09:35:47Z','','3fc27c60da95f3a7e7fc44499f044402','refused',400,'400 Bad Request: Priority','2026-01-02T09:35:47Z',4,NULL);
INSERT INTO "attempts" VALUES(3,3,'old-helpdesk.20260102T093547Z.350e6b','2026-01-02T09:35:47Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "unknown"}], "RelatedTicketTypeId": 1}','20ce251999cc705d06e13d9d616d789c','unclear',503,'503 Service Unavailable','2026-01-02T09:35:47Z',4,NULL);
INSERT INTO "attempts" VALUES(4,5,'old-helpdesk.20260102T093547Z.350e6b','2026-01-02T09:35:47Z','','a3e2aa9fcce20b9c81a03de61488fd64','throttled',NULL,'429','2026-01-02T09:35:47Z',4,5.0);
INSERT INTO "attempts" VALUES(5,5,'old-helpdesk.20260102T093547Z.71ebac','2026-01-02T09:35:47Z','','a3e2aa9fcce20b9c81a03de61488fd64','created',200,'','2026-01-02T09:35:47Z',6,NULL);
INSERT INTO "attempts" VALUES(6,6,'old-helpdesk.20260102T093547Z.71ebac','2026-01-02T09:35:47Z','{"TypeId": "1", "Fields": [{"SchemaName": "Title", "Value": "in flight"}], "RelatedTicketTypeId": 1}','4bd6ef8d9fbdcf69aa1988d31259f26e',NULL,NULL,'',NULL,NULL,NULL);
CREATE TABLE calls (
	account TEXT NOT NULL, 
	minute INTEGER NOT NULL, 
	calls INTEGER NOT NULL, 
	PRIMARY KEY (account, minute)
);
CREATE TABLE exports (
	account TEXT NOT NULL, 
	source TEXT NOT NULL, 
	manifest_name TEXT NOT NULL, 
	content_sha256 TEXT NOT NULL, 
	run TEXT NOT NULL, 
	keys BLOB NOT NULL, 
	rows INTEGER NOT NULL, 
	known_share FLOAT, 
	held_share FLOAT, 
	previous_held_share FLOAT, 
	finished_at TEXT NOT NULL, 
	PRIMARY KEY (account, source, manifest_name), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE TABLE ledger_meta (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "ledger_meta" VALUES('schema_version','4');
INSERT INTO "ledger_meta" VALUES('secret','5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c');
CREATE TABLE quotas (
	account TEXT NOT NULL, 
	boot_id TEXT NOT NULL, 
	pool TEXT NOT NULL, 
	PRIMARY KEY (account)
);
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
INSERT INTO "rejections" VALUES('old-helpdesk.20260102T093547Z.350e6b',9,'none','value-missing','no title','add one');
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
INSERT INTO "runs" VALUES('old-helpdesk.20260102T093547Z.350e6b','tenant','old-helpdesk','run','tickets.csv','00','11',NULL,'example',1,'2026-01-02T09:35:47Z','2026-01-02T09:35:47Z',1,NULL,'before',36317.632768297);
INSERT INTO "runs" VALUES('old-helpdesk.20260102T093547Z.71ebac','tenant','old-helpdesk','run','tickets.csv','00','11',NULL,'example',1,'2026-01-02T09:35:47Z',NULL,NULL,NULL,'before',36317.692473262);
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
	title_hash TEXT DEFAULT '' NOT NULL, 
	lead_hash TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (account, source, "key")
);
INSERT INTO "tickets" VALUES(1,'tenant','old-helpdesk','made','created',NULL,'old-helpdesk.20260102T093547Z.350e6b',2,'content of made','157','5af882cc-0000-4000-8000-000000000000','#157','','',1,'2026-01-02T09:35:47Z','ead20581e983bd46b84af684f584dbf7','ea9ea473fe51149e5662bb9f6265a07e');
INSERT INTO "tickets" VALUES(2,'tenant','old-helpdesk','failed','failed',NULL,'old-helpdesk.20260102T093547Z.350e6b',3,'content of failed','','','','refused','400 Bad Request: Priority',1,'2026-01-02T09:35:47Z','3fc27c60da95f3a7e7fc44499f044402','ea9ea473fe51149e5662bb9f6265a07e');
INSERT INTO "tickets" VALUES(3,'tenant','old-helpdesk','unknown','unknown',NULL,'old-helpdesk.20260102T093547Z.350e6b',4,'content of unknown','','','','server-error','503 Service Unavailable',1,'2026-01-02T09:35:47Z','20ce251999cc705d06e13d9d616d789c','ea9ea473fe51149e5662bb9f6265a07e');
INSERT INTO "tickets" VALUES(4,'tenant','old-helpdesk','pending','pending',NULL,NULL,5,'','','','','','',0,'','','');
INSERT INTO "tickets" VALUES(5,'tenant','old-helpdesk','again','created','old-helpdesk.20260102T093547Z.71ebac','old-helpdesk.20260102T093547Z.71ebac',2,'content of again','158','','#158','','',1,'2026-01-02T09:35:47Z','a3e2aa9fcce20b9c81a03de61488fd64','ea9ea473fe51149e5662bb9f6265a07e');
INSERT INTO "tickets" VALUES(6,'tenant','old-helpdesk','in flight','sending','old-helpdesk.20260102T093547Z.71ebac','old-helpdesk.20260102T093547Z.71ebac',3,'content of in flight','','','','','',1,'','4bd6ef8d9fbdcf69aa1988d31259f26e','ea9ea473fe51149e5662bb9f6265a07e');
CREATE INDEX tickets_by_holder ON tickets (held_by, state);
CREATE INDEX tickets_by_ticket_id ON tickets (account, ticket_id) WHERE ticket_id != '';
CREATE INDEX tickets_by_number ON tickets (account, number) WHERE number != '';
CREATE INDEX ix_attempts_ticket ON attempts (ticket);
COMMIT;

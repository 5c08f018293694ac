BEGIN TRANSACTION;
CREATE TABLE accounts (
	learner_id INTEGER NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	password VARCHAR(255), 
	issuer VARCHAR(255), 
	subject VARCHAR(255), 
	active BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	signed_in_at DATETIME, 
	CONSTRAINT pk_accounts PRIMARY KEY (learner_id), 
	CONSTRAINT fk_accounts_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_accounts_email UNIQUE (email), 
	CONSTRAINT uq_accounts_issuer UNIQUE (issuer, subject)
);
INSERT INTO "accounts" VALUES(1,'ada@example.org','admin','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',NULL,NULL,1,'2026-11-25 12:00:00.000000',NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('9674c5eb21fb');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	checked_at DATETIME NOT NULL, 
	complete BOOLEAN NOT NULL, 
	passed INTEGER NOT NULL, 
	counted INTEGER NOT NULL, 
	report JSON NOT NULL, received_at DATETIME, engine VARCHAR(32) DEFAULT '' NOT NULL, cluster VARCHAR(64) DEFAULT '' NOT NULL, digest VARCHAR(64) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_attempts_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_attempts_key UNIQUE ("key")
);
INSERT INTO "attempts" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'lesson-1','terminal','manifests','2026-11-24 12:00:00.000000',1,4,4,'{"lesson":"lesson-1","source":{"kind":"manifests"},"graded_at":"2026-11-24T12:00:00+00:00","complete":true,"passed":4,"counted":4,"objectives":[{"id":"namespace-exists","status":"passed"},{"id":"environment-label","status":"passed"},{"id":"app-label","status":"passed"},{"id":"context-namespace","status":"passed"}]}',NULL,'','','');
CREATE TABLE audit_events (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor_id INTEGER, 
	actor VARCHAR(254) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	cohort_id INTEGER, 
	subject VARCHAR(254) NOT NULL, 
	address VARCHAR(64) NOT NULL, 
	facts JSON NOT NULL, 
	CONSTRAINT pk_audit_events PRIMARY KEY (id)
);
INSERT INTO "audit_events" VALUES(1,'2026-11-25 12:00:00.000000',1,'ada@example.org','cohort.made',1,'Autumn','','{"late":"none"}');
CREATE TABLE choices (
	learner_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	value VARCHAR NOT NULL, 
	CONSTRAINT pk_choices PRIMARY KEY (learner_id, name), 
	CONSTRAINT fk_choices_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE
);
INSERT INTO "choices" VALUES(1,'context','kind-course');
CREATE TABLE cohorts (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	late_policy VARCHAR(16) NOT NULL, 
	late_percent INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	archived_at DATETIME, 
	CONSTRAINT pk_cohorts PRIMARY KEY (id)
);
INSERT INTO "cohorts" VALUES(1,'Autumn','none',10,'2026-11-25 12:00:00.000000',NULL);
CREATE TABLE comments (
	id INTEGER NOT NULL, 
	cohort_id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	author_id INTEGER, 
	lesson_id VARCHAR(32) NOT NULL, 
	objective_id VARCHAR(64) NOT NULL, 
	text VARCHAR(4000) NOT NULL, 
	written_at DATETIME NOT NULL, 
	read_at DATETIME, 
	CONSTRAINT pk_comments PRIMARY KEY (id), 
	CONSTRAINT fk_comments_author_id_accounts FOREIGN KEY(author_id) REFERENCES accounts (learner_id) ON DELETE SET NULL, 
	CONSTRAINT fk_comments_cohort_id_cohorts FOREIGN KEY(cohort_id) REFERENCES cohorts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_comments_learner_id_accounts FOREIGN KEY(learner_id) REFERENCES accounts (learner_id) ON DELETE CASCADE
);
INSERT INTO "comments" VALUES(1,1,1,1,'lesson-1','app-label','Look at the label.','2026-11-25 12:00:00.000000',NULL);
CREATE TABLE due_dates (
	cohort_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	due_at DATETIME NOT NULL, 
	CONSTRAINT pk_due_dates PRIMARY KEY (cohort_id, lesson_id), 
	CONSTRAINT fk_due_dates_cohort_id_cohorts FOREIGN KEY(cohort_id) REFERENCES cohorts (id) ON DELETE CASCADE
);
INSERT INTO "due_dates" VALUES(1,'lesson-1','2026-12-09 12:00:00.000000');
CREATE TABLE extensions (
	cohort_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	learner_id INTEGER NOT NULL, 
	due_at DATETIME NOT NULL, 
	reason VARCHAR(200) NOT NULL, 
	CONSTRAINT pk_extensions PRIMARY KEY (cohort_id, lesson_id, learner_id), 
	CONSTRAINT fk_extensions_cohort_id_cohorts FOREIGN KEY(cohort_id) REFERENCES cohorts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_extensions_learner_id_accounts FOREIGN KEY(learner_id) REFERENCES accounts (learner_id) ON DELETE CASCADE
);
INSERT INTO "extensions" VALUES(1,'lesson-1',1,'2026-12-09 12:00:00.000000','ill');
CREATE TABLE hints_shown (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	objective_id VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	shown_at DATETIME NOT NULL, 
	CONSTRAINT pk_hints_shown PRIMARY KEY (id), 
	CONSTRAINT fk_hints_shown_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_hints_shown_learner_id UNIQUE (learner_id, lesson_id, objective_id, number)
);
INSERT INTO "hints_shown" VALUES(1,1,'lesson-1','namespace-exists',1,'2026-11-24 12:00:00.000000');
CREATE TABLE join_links (
	id INTEGER NOT NULL, 
	cohort_id INTEGER NOT NULL, 
	made_by INTEGER, 
	uses INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_join_links PRIMARY KEY (id), 
	CONSTRAINT fk_join_links_cohort_id_cohorts FOREIGN KEY(cohort_id) REFERENCES cohorts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_join_links_made_by_accounts FOREIGN KEY(made_by) REFERENCES accounts (learner_id) ON DELETE SET NULL
);
INSERT INTO "join_links" VALUES(1,1,1,0,'2026-11-25 12:00:00.000000','2026-12-09 12:00:00.000000',NULL);
CREATE TABLE learners (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_learners PRIMARY KEY (id)
);
INSERT INTO "learners" VALUES(1,'','2026-11-24 12:00:00.000000');
CREATE TABLE memberships (
	cohort_id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	namespace VARCHAR(63), 
	joined_at DATETIME NOT NULL, 
	CONSTRAINT pk_memberships PRIMARY KEY (cohort_id, learner_id), 
	CONSTRAINT fk_memberships_cohort_id_cohorts FOREIGN KEY(cohort_id) REFERENCES cohorts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_memberships_learner_id_accounts FOREIGN KEY(learner_id) REFERENCES accounts (learner_id) ON DELETE CASCADE, 
	CONSTRAINT uq_memberships_namespace UNIQUE (namespace)
);
INSERT INTO "memberships" VALUES(1,1,'learner','learner-ada','2026-11-25 12:00:00.000000');
CREATE TABLE objective_results (
	attempt_id INTEGER NOT NULL, 
	objective_id VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_objective_results PRIMARY KEY (attempt_id, objective_id), 
	CONSTRAINT fk_objective_results_attempt_id_attempts FOREIGN KEY(attempt_id) REFERENCES attempts (id) ON DELETE CASCADE
);
INSERT INTO "objective_results" VALUES(1,'namespace-exists','passed');
INSERT INTO "objective_results" VALUES(1,'environment-label','passed');
INSERT INTO "objective_results" VALUES(1,'app-label','passed');
INSERT INTO "objective_results" VALUES(1,'context-namespace','passed');
CREATE TABLE one_time_links (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	learner_id INTEGER, 
	made_by INTEGER, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	used_at DATETIME, 
	CONSTRAINT pk_one_time_links PRIMARY KEY (id), 
	CONSTRAINT fk_one_time_links_learner_id_accounts FOREIGN KEY(learner_id) REFERENCES accounts (learner_id) ON DELETE CASCADE, 
	CONSTRAINT fk_one_time_links_made_by_accounts FOREIGN KEY(made_by) REFERENCES accounts (learner_id) ON DELETE SET NULL, 
	CONSTRAINT uq_one_time_links_digest UNIQUE (digest)
);
INSERT INTO "one_time_links" VALUES(1,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','reset',1,1,'2026-11-25 12:00:00.000000','2026-12-09 12:00:00.000000',NULL);
CREATE TABLE quiz_answers (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	question_id VARCHAR(64) NOT NULL, 
	chosen JSON NOT NULL, 
	correct BOOLEAN NOT NULL, 
	answered_at DATETIME NOT NULL, 
	CONSTRAINT pk_quiz_answers PRIMARY KEY (id), 
	CONSTRAINT fk_quiz_answers_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_quiz_answers_key UNIQUE ("key")
);
INSERT INTO "quiz_answers" VALUES(1,'q1',1,'lesson-1','x','[0,2]',0,'2026-11-24 12:00:00.000000');
CREATE TABLE readings (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	anchor VARCHAR(200) NOT NULL, 
	seconds INTEGER NOT NULL, 
	read_at DATETIME NOT NULL, 
	CONSTRAINT pk_readings PRIMARY KEY (id), 
	CONSTRAINT fk_readings_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_readings_learner_id UNIQUE (learner_id, lesson_id)
);
INSERT INTO "readings" VALUES(1,1,'lesson-1','summary',95,'2026-11-24 12:00:00.000000');
CREATE TABLE sign_ins (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	learner_id INTEGER NOT NULL, 
	agent VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_sign_ins PRIMARY KEY (id), 
	CONSTRAINT fk_sign_ins_learner_id_accounts FOREIGN KEY(learner_id) REFERENCES accounts (learner_id) ON DELETE CASCADE, 
	CONSTRAINT uq_sign_ins_digest UNIQUE (digest)
);
INSERT INTO "sign_ins" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'a browser','2026-11-25 12:00:00.000000','2026-11-25 12:00:00.000000','2026-12-09 12:00:00.000000');
CREATE TABLE solutions_shown (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	earned BOOLEAN NOT NULL, 
	shown_at DATETIME NOT NULL, 
	CONSTRAINT pk_solutions_shown PRIMARY KEY (id), 
	CONSTRAINT fk_solutions_shown_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_solutions_shown_learner_id UNIQUE (learner_id, lesson_id)
);
INSERT INTO "solutions_shown" VALUES(1,1,'lesson-1',1,'2026-11-24 12:00:00.000000');
CREATE TABLE standings (
	learner_id INTEGER NOT NULL, 
	lesson_id VARCHAR(32) NOT NULL, 
	attempts INTEGER NOT NULL, 
	passed INTEGER NOT NULL, 
	counted INTEGER NOT NULL, 
	regressed INTEGER NOT NULL, 
	unchanged INTEGER NOT NULL, 
	first_at DATETIME NOT NULL, 
	last_at DATETIME NOT NULL, 
	new_pass_at DATETIME, 
	complete_at DATETIME, 
	first_open VARCHAR(64) NOT NULL, 
	last_attempt_id INTEGER, 
	CONSTRAINT pk_standings PRIMARY KEY (learner_id, lesson_id), 
	CONSTRAINT fk_standings_last_attempt_id_attempts FOREIGN KEY(last_attempt_id) REFERENCES attempts (id) ON DELETE SET NULL, 
	CONSTRAINT fk_standings_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE
);
INSERT INTO "standings" VALUES(1,'lesson-1',1,4,4,0,0,'2026-11-25 12:00:00.000000','2026-11-25 12:00:00.000000','2026-11-25 12:00:00.000000','2026-11-25 12:00:00.000000','',1);
CREATE TABLE terminal_tokens (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	learner_id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	created_at DATETIME NOT NULL, 
	used_at DATETIME, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_terminal_tokens PRIMARY KEY (id), 
	CONSTRAINT fk_terminal_tokens_learner_id_accounts FOREIGN KEY(learner_id) REFERENCES accounts (learner_id) ON DELETE CASCADE, 
	CONSTRAINT uq_terminal_tokens_digest UNIQUE (digest)
);
INSERT INTO "terminal_tokens" VALUES(1,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',1,'laptop','2026-11-25 12:00:00.000000',NULL,'2026-12-09 12:00:00.000000');
CREATE TABLE throttles (
	"key" VARCHAR(64) NOT NULL, 
	since DATETIME NOT NULL, 
	count INTEGER NOT NULL, 
	CONSTRAINT pk_throttles PRIMARY KEY ("key")
);
INSERT INTO "throttles" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','2026-11-25 12:00:00.000000',3);
CREATE TABLE workspace_files (
	id INTEGER NOT NULL, 
	learner_id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	content VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_workspace_files PRIMARY KEY (id), 
	CONSTRAINT fk_workspace_files_learner_id_learners FOREIGN KEY(learner_id) REFERENCES learners (id) ON DELETE CASCADE, 
	CONSTRAINT uq_workspace_files_learner_id UNIQUE (learner_id, name)
);
INSERT INTO "workspace_files" VALUES(1,1,'namespace.yaml','kind: Namespace # ü
',1,'2026-11-24 12:00:00.000000');
CREATE INDEX ix_attempts_checked_at ON attempts (checked_at);
CREATE INDEX ix_attempts_learner_id ON attempts (learner_id);
CREATE INDEX ix_attempts_lesson_id ON attempts (lesson_id);
CREATE INDEX ix_hints_shown_learner_id ON hints_shown (learner_id);
CREATE INDEX ix_quiz_answers_learner_id ON quiz_answers (learner_id);
CREATE INDEX ix_quiz_answers_lesson_id ON quiz_answers (lesson_id);
CREATE INDEX ix_readings_learner_id ON readings (learner_id);
CREATE INDEX ix_solutions_shown_learner_id ON solutions_shown (learner_id);
CREATE INDEX ix_workspace_files_learner_id ON workspace_files (learner_id);
CREATE INDEX ix_audit_events_actor_id ON audit_events (actor_id);
CREATE INDEX ix_audit_events_at ON audit_events (at);
CREATE INDEX ix_audit_events_cohort_id ON audit_events (cohort_id);
CREATE INDEX ix_throttles_since ON throttles (since);
CREATE INDEX ix_comments_cohort_id ON comments (cohort_id);
CREATE INDEX ix_comments_learner_id ON comments (learner_id);
CREATE INDEX ix_join_links_cohort_id ON join_links (cohort_id);
CREATE INDEX ix_memberships_learner_id ON memberships (learner_id);
CREATE INDEX ix_one_time_links_learner_id ON one_time_links (learner_id);
CREATE INDEX ix_sign_ins_learner_id ON sign_ins (learner_id);
CREATE INDEX ix_standings_last_attempt_id ON standings (last_attempt_id);
CREATE INDEX ix_terminal_tokens_learner_id ON terminal_tokens (learner_id);
CREATE INDEX ix_attempts_cluster ON attempts (cluster);
CREATE INDEX ix_attempts_digest ON attempts (digest);
CREATE INDEX ix_attempts_learner_id_checked_at ON attempts (learner_id, checked_at);
COMMIT;
